// Colours as pixels, mixed and along scales.
'use strict';

// Both scales change evenly in lightness, so they read without telling hues apart; the low end is near the background.
const SCALES = {
  light: ['#dfe3ea', '#f3c58b', '#e88a56', '#c94a5a', '#8a2269', '#3d0f52'],
  dark: ['#2b3140', '#56377a', '#9b3f82', '#dd5f6b', '#f59c5d', '#fde68a'],
};

// '#rrggbb' as the number whose bytes in memory are r, g, b, a.
function pixel(hex) {
  const rgb = parseInt(hex.slice(1), 16);
  return (255 << 24 | (rgb & 255) << 16 | (rgb & 0xff00) | rgb >> 16) >>> 0;
}

function mixed(from, to, share) {
  const channel = shift => {
    const a = parseInt(from.slice(1), 16) >> shift & 255;
    const b = parseInt(to.slice(1), 16) >> shift & 255;
    return Math.round(a + (b - a) * share) << shift;
  };
  return '#' + (channel(16) | channel(8) | channel(0)).toString(16).padStart(6, '0');
}

// 256 pixels along a list of colours.
function lookupTable(stops) {
  return Uint32Array.from({length: 256}, (_, level) => {
    const place = level / 255 * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    return pixel(mixed(stops[left], stops[left + 1], place - left));
  });
}

// Which names share a colour, in words; '' where every one has its own.
function sharedColours(names, colours, what = 'families') {
  const byColour = new Map(colours.map(colour => [colour, []]));
  names.forEach((name, i) => byColour.get(colours[i]).push(name));
  const shared = [...byColour.values()].filter(group => group.length > 1).map(group => group.join(' and '));
  return shared.length ? `There are ${byColour.size} colours for ${names.length} ${what}, so some share one, and only `
    + `their names tell them apart: ${shared.join('; ')}.` : '';
}
