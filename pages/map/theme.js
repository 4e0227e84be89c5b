// Light or dark, as the system is, and the colours in which the map is drawn then.
'use strict';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

const THEMES = {
  light: {ink: '#1b2230', halo: 'rgba(251,252,254,.88)', dimmed: '#e3e6ec', unknown: '#a3aab8'},
  dark: {ink: '#eef1f7', halo: 'rgba(14,17,24,.82)', dimmed: '#20242f', unknown: '#5c6475'},
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
