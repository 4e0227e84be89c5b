// Every way to colour the points: by category (family, source ...) or along a scale (pitch, velocity, a neuron ...).
'use strict';

const SOURCE_COLOURS = ['#00a0b0', '#e07b39', '#8a6fd1', '#8aa03c'];
const RIGHT_WRONG = ['#4a90c4', '#e8622c'];
const SOURCE = MAP.sources_title === 'Folders' ? 'folder' : 'source';
const PITCHES = extent(MAP.pitch.filter(pitch => pitch >= 0));

function evenly(value, low, high) {
  return note => value(note) < low ? -1 : Math.round((value(note) - low) / Math.max(high - low, 1e-9) * 255);
}

function sourceColours() {
  const colours = MAP.sources.length > SOURCE_COLOURS.length ? MAP.source_colours : SOURCE_COLOURS;
  return MAP.sources.map((name, i) => name ? colours[i] : theme().unknown);
}

// What right and wrong, or the like, look like.
function legend(...words) {
  return () => words.map((word, i) => element('span', {className: 'key'}, swatch(RIGHT_WRONG[i]), word));
}

function neuronHint(neuron) {
  if (!MAP.activation) return ['The activations are being read …'];
  const active = levelsOf(neuron).reduce((sum, level) => sum + (level > 0), 0);
  return [active ? `Active in ${percent(active / MAP.count)} of the notes.` : 'This neuron is never active here.'];
}

// Every way to colour: `colours` picked by `index`, or a scale by `level` (0-255; below 0: unknown) between two `ends`.
// `hint` gives what stands below; `level`, `ends` and `hint` are told the neuron.
const BY_FAMILY = {colours: () => MAP.colours, hint: () => [sharedColours(MAP.families, MAP.colours)]};
const COLOURINGS = {
  family: {title: 'family', exists: true, index: note => MAP.class_index[note], ...BY_FAMILY},
  source: {title: SOURCE, exists: MAP.sources.some(Boolean), index: note => MAP.source[note], colours: sourceColours,
           hint: () => [sharedColours(MAP.sources, sourceColours(), 'sources')]},
  pitch: {title: 'pitch', exists: PITCHES[1] >= 0, ends: () => PITCHES.map(pitchName),
          level: evenly(note => MAP.pitch[note], ...PITCHES)},
  velocity: {title: 'velocity', exists: MAP.velocity.some(velocity => velocity >= 0), ends: () => ['0', '127'],
             level: evenly(note => MAP.velocity[note], 0, 127)},
  ...MAP.labelled ? {
    predicted: {title: 'predicted family', exists: !!MAP.predicted, index: note => MAP.predicted[note], ...BY_FAMILY},
    right: {title: 'right or wrong', exists: !!MAP.predicted, index: note => isAdded(note) ? 2 : +isWrong(note),
            colours: () => [...RIGHT_WRONG, theme().unknown], hint: legend('right', 'wrong')},
  } : {
    outside: {title: 'out of distribution', exists: true, index: note => MAP.out_of_distribution[note],
              colours: () => RIGHT_WRONG, hint: legend('as in the training', 'out of distribution')},
  },
  confidence: {title: 'confidence', exists: !!MAP.predicted, ends: () => ['0 %', '100 %'],
               level: evenly(note => probability(note, MAP.predicted[note]), 0, 1)},
  neuron: {title: 'neuron of fc2', exists: true, ends: neuron => ['0', MAP.maxima?.[neuron].toPrecision(3) ?? ''],
           level: (note, neuron) => MAP.activation ? MAP.activation[neuron * MAP.count + note] : -1, hint: neuronHint},
};

// One pixel per note.
function pointColours({colour, neuron}) {
  const {index, colours, level} = COLOURINGS[colour];
  const table = index ? colours().map(pixel) : lookupTable(scale());
  const unknown = pixel(theme().unknown);
  const colourAt = place => place < 0 ? unknown : table[Math.min(place, 255)];
  return Uint32Array.from({length: MAP.count}, (_, note) => index ? table[index(note)] : colourAt(level(note, neuron)));
}
