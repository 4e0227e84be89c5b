// Light or dark, as the system is, and the colours in which the map is drawn then.
'use strict';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

// Filtered points are small and `dimmed`, which stands out from the low end of the scales (contrast
// 1.5 and 1.6; it was 1.03).
const THEMES = {
  light: {ink: '#1b2230', halo: 'rgba(251,252,254,.88)', dimmed: '#b4bbc8', unknown: '#a3aab8'},
  dark: {ink: '#eef1f7', halo: 'rgba(14,17,24,.82)', dimmed: '#484f60', unknown: '#5c6475'},
};

function themeName() {
  return darkSystem.matches ? 'dark' : 'light';
}

function theme() {
  return THEMES[themeName()];
}

function scale() {
  return SCALES[themeName()];
}
