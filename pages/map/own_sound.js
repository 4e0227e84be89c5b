// What a sound of the reader's becomes on the map: a row of MAP, what is played of it, and its picture.
'use strict';

const FADE_SECONDS = 0.05;  // at the end of what is played of a longer sound

// Add a sound of the reader's behind the notes; `row` holds its part of the arrays of MAP. Returns its number.
function addSound(name, row, fc2) {
  for (const [column, {shape}] of Object.entries(MAP.arrays)) {
    const [array, values] = [MAP[column], row[column] ?? new Array(shape[1] ?? 1).fill(0)];
    MAP[column] = new array.constructor(array.length + values.length);
    MAP[column].set(array);
    MAP[column].set(values, array.length);
  }
  if (MAP.activation) MAP.activation = withActivation(fc2);
  MAP.notes.push(name);
  return MAP.count++;
}

// The levels of the neurons with those of one more sound, one neuron after the other.
function withActivation(fc2) {
  const result = new Uint8Array(fc2.length * (MAP.count + 1));
  for (const [neuron, activation] of fc2.entries()) {
    const start = neuron * (MAP.count + 1);
    result.set(levelsOf(neuron), start);
    result[start + MAP.count] = Math.min(255, Math.round(activation / (MAP.maxima[neuron] || 1) * 255));
  }
  return result;
}

// What is added to each array of MAP for a sound, as pack_map of deepdream/map/data.py writes it.
function rowOfSound(network, {fc2, probabilities, isOut}) {
  const indexIn = (list, value) => list.includes(value) ? list.indexOf(value) : list.push(value) - 1;
  const {family, colour} = network.own;
  if (!MAP.families.includes(family)) MAP.colours.push(colour);
  const nearest = nearestNotes(network, fc2, 3 * network.placing.perplexity);
  const neighbours = nearest.slice(0, MAP.arrays.neighbours.shape[1]).map(({row}) => row);
  const order = values => largestFirst(values.length, i => values[i]);
  const places = VIEWS.map(view => [view, placeInView(network, fc2, nearest, view)]);
  return {
    ...Object.fromEntries(places), class_index: [indexIn(MAP.families, family)], source: [indexIn(MAP.sources, '')],
    instrument: [indexIn(MAP.instruments, family)], pitch: [-1], velocity: [-1], has_sound: [1],
    cluster: [-1], program: [indexIn(MAP.programs, '')], out_of_distribution: [isOut],
    strongest: order(fc2).slice(0, MAP.arrays.strongest.shape[1]), neighbours, other_neighbours: neighbours,
    probabilities: probabilities.map(share => Math.round(share * 65535)), predicted: [order(probabilities)[0]],
  };
}

// The 4 s that were judged, at their own rate.
function playable({channels, rate}) {
  const length = Math.min(channels[0].length, WINDOW_SECONDS * rate);
  const n_faded = Math.min(length, Math.round(FADE_SECONDS * rate));
  const buffer = new AudioBuffer({length, numberOfChannels: channels.length, sampleRate: rate});
  for (const [i, channel] of channels.entries()) {
    const faded = channel.subarray(0, length).map((value, at) => value * Math.min(1, (length - at) / n_faded));
    buffer.copyToChannel(faded, i);
  }
  return buffer;
}

// A spectrum (251, 513) as a picture in base64, as `write_picture` of deepdream/map/previews.py draws it.
function pictureOf(spectrum) {
  const {width, height} = SPECTRUM_SIZE;
  const levels = new Float32Array(width * height);
  for (let band = 0; band < height; band++) {
    const [low, next] = [band, band + 1].map(edge => 3 * 171 ** (edge / height));
    const bins = [Math.floor(low), Math.max(Math.ceil(next - 1e-9), Math.floor(low) + 1)];
    for (let frame = 0; frame < 2 * width; frame++) {
      const at = (height - 1 - band) * width + (frame >> 1);
      for (let bin = bins[0]; bin < bins[1]; bin++) levels[at] = Math.max(levels[at], spectrum[frame * N_BINS + bin]);
    }
  }
  const scale = 255 / Math.max(extent(levels)[1], 1);
  const canvas = element('canvas', SPECTRUM_SIZE);
  const pixels = Uint32Array.from(levels, level => 0xff000000 | Math.round(level * scale) * 0x10101);
  canvas.getContext('2d').putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  return canvas.toDataURL('image/webp', 0.6).split(',')[1];
}
