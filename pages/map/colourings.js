// Every way to colour the points: by category (family, source ...) or along a scale (pitch, velocity, a neuron ...).
'use strict';

const SOURCE_COLOURS = ['#00a0b0', '#e07b39', '#8a6fd1', '#8aa03c'];
const RIGHT_WRONG = ['#4a90c4', '#e8622c'];

function evenly(value, low, high) {
  return note => value(note) < low ? -1 : Math.round((value(note) - low) / Math.max(high - low, 1e-9) * 255);
}

const PITCHES = extent(MAP.pitch.filter(pitch => pitch >= 0));

function confidence(note) {
  return probability(note, MAP.predicted[note]);
}

function sourceColours() {
  const colours = MAP.sources.length > SOURCE_COLOURS.length ? MAP.source_colours : SOURCE_COLOURS;
  return MAP.sources.map((name, i) => name ? colours[i] : theme().unknown);
}

// Every way to colour: `colours` picked by `index`, or a scale by `level` (0-255; below 0: unknown) between two `ends`.
const COLOURINGS = {
  family: {title: 'family', exists: () => true, index: note => MAP.class_index[note], colours: () => MAP.colours},
  source: {title: MAP.sources_title === 'Folders' ? 'folder' : 'source', exists: () => MAP.sources.some(Boolean), index: note => MAP.source[note],
           colours: sourceColours},
  pitch: {title: 'pitch', exists: () => PITCHES[1] >= 0, ends: PITCHES.map(pitchName),
          level: evenly(note => MAP.pitch[note], ...PITCHES)},
  velocity: {title: 'velocity', exists: () => MAP.velocity.some(velocity => velocity >= 0), ends: ['0', '127'],
             level: evenly(note => MAP.velocity[note], 0, 127)},
  predicted: {title: 'predicted family', exists: () => MAP.labelled && !!MAP.predicted,
              index: note => MAP.predicted[note], colours: () => MAP.colours},
  right: {title: 'right or wrong', exists: () => MAP.labelled && !!MAP.predicted,
          index: note => isAdded(note) ? 2 : +isWrong(note), colours: () => [...RIGHT_WRONG, theme().unknown]},
  confidence: {title: 'confidence', exists: () => !!MAP.predicted, ends: ['0 %', '100 %'],
               level: evenly(confidence, 0, 1)},
  outside: {title: 'out of distribution', exists: () => !MAP.labelled, index: note => MAP.out_of_distribution[note],
            colours: () => RIGHT_WRONG},
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
