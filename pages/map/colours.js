// Colours of points: by category (family, source, right or wrong) or along a scale (pitch, velocity, a neuron ...).
'use strict';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

// Both scales change evenly in lightness, so they read without telling hues apart; the low end is near the background.
const SCALES = {
  light: ['#dfe3ea', '#f3c58b', '#e88a56', '#c94a5a', '#8a2269', '#3d0f52'],
  dark: ['#2b3140', '#56377a', '#9b3f82', '#dd5f6b', '#f59c5d', '#fde68a'],
};
const THEMES = {
  light: {background: '#fbfcfe', ink: '#1b2230', halo: 'rgba(251,252,254,.88)', dimmed: '#e3e6ec', unknown: '#a3aab8'},
  dark: {background: '#0e1118', ink: '#eef1f7', halo: 'rgba(14,17,24,.82)', dimmed: '#20242f', unknown: '#5c6475'},
};
const SOURCE_COLOURS = ['#00a0b0', '#e07b39', '#8a6fd1', '#8aa03c'];
const RIGHT_WRONG = ['#4a90c4', '#e8622c'];

function themeName() {
  return darkSystem.matches ? 'dark' : 'light';
}

function theme() {
  return THEMES[themeName()];
}

function scale() {
  return SCALES[themeName()];
}

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

function evenly(value, low, high) {
  return note => value(note) < low ? -1 : Math.round((value(note) - low) / Math.max(high - low, 1e-9) * 255);
}

const PITCHES = extent(MAP.pitch.filter(pitch => pitch >= 0));

function confidence(note) {
  return probability(note, MAP.predicted[note]);
}

function sourceColours() {
  return MAP.sources.map((name, i) => name ? SOURCE_COLOURS[i % SOURCE_COLOURS.length] : theme().unknown);
}

// Every way to colour: `colours` picked by `index`, or a scale by `level` (0-255; below 0: unknown) between two `ends`.
const COLOURINGS = {
  family: {title: 'family', exists: () => true, index: note => MAP.class_index[note], colours: () => MAP.colours},
  source: {title: 'source', exists: () => MAP.sources.some(Boolean), index: note => MAP.source[note],
           colours: sourceColours},
  pitch: {title: 'pitch', exists: () => PITCHES[1] >= 0, ends: PITCHES.map(pitchName),
          level: evenly(note => MAP.pitch[note], ...PITCHES)},
  velocity: {title: 'velocity', exists: () => MAP.velocity.some(velocity => velocity >= 0), ends: ['0', '127'],
             level: evenly(note => MAP.velocity[note], 0, 127)},
  predicted: {title: 'predicted family', exists: () => !!MAP.predicted, index: note => MAP.predicted[note],
              colours: () => MAP.colours},
  right: {title: 'right or wrong', exists: () => !!MAP.predicted, index: note => isAdded(note) ? 2 : +isWrong(note),
          colours: () => [...RIGHT_WRONG, theme().unknown]},
  confidence: {title: 'confidence', exists: () => !!MAP.predicted, ends: ['0 %', '100 %'],
               level: evenly(confidence, 0, 1)},
  neuron: {title: 'neuron of fc2', exists: () => true},
};

// One pixel per note.
function pointColours(state) {
  const colouring = COLOURINGS[state.colour];
  const result = new Uint32Array(MAP.count);
  if (colouring.index) {
    const table = colouring.colours().map(pixel);
    return result.map((_, note) => table[colouring.index(note)]);
  }
  const table = lookupTable(scale());
  const unknown = pixel(theme().unknown);
  if (state.colour !== 'neuron') {
    return result.map((_, note) => {
      const level = colouring.level(note);
      return level < 0 ? unknown : table[Math.min(level, 255)];
    });
  }
  if (!MAP.activation) return result.fill(unknown);
  const levels = MAP.activation.subarray(state.neuron * MAP.count, (state.neuron + 1) * MAP.count);
  return result.map((_, note) => table[levels[note]]);
}
