// The network and what surrounds it, as deepdream/map/listener.py hands them over: from a waveform to what it is.
'use strict';

// A typed array with the shape (rows, columns, channels).
function tensor(shape, data = new Float32Array(shape.reduce((a, b) => a * b))) {
  return {shape, data};
}

// Every kind of layer: (input, layer) -> output.
const LAYERS = {
  // HarmonicBands of model.py: a spectrum (251, 513) -> levels at multiples of a frequency and envelopes.
  bands({data}, {first, triangles, n_bands: nBands, shifts, log_range: logRange}) {
    const [frames, all] = [N_FRAMES >> 1, first.length];
    const bands = new Float32Array(frames * all);
    const width = triangles.length / all;
    const power = new Float32Array(N_BINS + width);  // zeros behind the last bin
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < N_BINS; bin++) {
        const at = 2 * frame * N_BINS + bin;
        const [a, b] = [Math.exp(data[at]) - 1, Math.exp(data[at + N_BINS]) - 1];
        power[bin] = (a * a + b * b) / 2 / LOG_SCALE ** 2;
      }
      for (let band = 0, at = 0; band < all; band++) {
        let sum = 0;
        for (let bin = first[band]; bin < first[band] + width; at++, bin++) sum += triangles[at] * power[bin];
        bands[frame * all + band] = Math.log(sum + 1e-8);
      }
    }
    const loudest = extent(bands)[1];
    const levels = bands.map(level => Math.max(0, level - loudest + logRange) * (2 / logRange) - 0.5);
    const output = tensor([frames, nBands, shifts.length + 1]);
    for (let band = 0; band < nBands; band++) {
      let most = -Infinity;
      for (let frame = 0; frame < frames; frame++) most = Math.max(most, levels[frame * all + band]);
      for (let frame = 0; frame < frames; frame++) {
        const row = frame * all + band;
        const values = [...shifts.map(shift => levels[row + shift]), levels[row] - most + 1];
        output.data.set(values, (frame * nBands + band) * values.length);
      }
    }
    return output;
  },

  convolution({shape: [rows, columns, inputs], data}, {weights, bias, shape: [height, width], strides, same}) {
    const filters = bias.length;
    const across = (size, kernel, stride) => same ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
    const before = (size, kernel, stride, n) => same ? Math.max(0, (n - 1) * stride + kernel - size) >> 1 : 0;
    const [down, right] = [across(rows, height, strides[0]), across(columns, width, strides[1])];
    const [top, left] = [before(rows, height, strides[0], down), before(columns, width, strides[1], right)];
    const output = tensor([down, right, filters]);
    for (let row = 0, at = 0; row < down; row++) {
      for (let column = 0; column < right; column++, at += filters) {
        const sums = new Float64Array(bias);
        const x = column * strides[1] - left;
        const [start, end] = [Math.max(0, -x), Math.min(width, columns - x)];  // of a row of the filters
        for (let i = 0; i < height; i++) {
          const y = row * strides[0] - top + i;
          if (y < 0 || y >= rows) continue;
          const from = (y * columns + x) * inputs;
          addProducts(sums, data.subarray(from + start * inputs, from + end * inputs),
                      weights.subarray((i * width + start) * inputs * filters));
        }
        output.data.set(sums, at);
      }
    }
    return output;
  },

  relu({shape, data}) {
    return tensor(shape, data.map(value => Math.max(0, value)));
  },

  maximum({shape: [rows, columns, channels], data}, {size: [height, width]}) {
    const [down, right] = [Math.floor(rows / height), Math.floor(columns / width)];
    const output = tensor([down, right, channels]);
    output.data.fill(-Infinity);
    for (let y = 0; y < down * height; y++) {
      for (let x = 0; x < right * width; x++) {
        const at = (Math.floor(y / height) * right + Math.floor(x / width)) * channels;
        const from = (y * columns + x) * channels;
        for (let i = 0; i < channels; i++) output.data[at + i] = Math.max(output.data[at + i], data[from + i]);
      }
    }
    return output;
  },

  'mean and maximum'({shape: [rows, columns, channels], data}) {
    const [means, maxima] = [new Float64Array(channels), new Float64Array(channels).fill(-Infinity)];
    for (let i = 0; i < data.length; i++) {
      means[i % channels] += data[i] / (rows * columns);
      maxima[i % channels] = Math.max(maxima[i % channels], data[i]);
    }
    return tensor([1, 1, 2 * channels], Float32Array.from([...means, ...maxima]));
  },

  dense({data}, {weights, bias, relu}) {
    const sums = new Float64Array(bias);
    addProducts(sums, data, weights);
    return tensor([1, 1, sums.length], Float32Array.from(sums, value => relu ? Math.max(0, value) : value));
  },
};

// Add inputs (n,) @ weights (n, m) to sums (m,); four inputs at a time take a third of the time.
function addProducts(sums, inputs, weights) {
  const m = sums.length;
  let [i, at] = [0, 0];
  for (; i + 3 < inputs.length; i += 4, at += 4 * m) {
    const [a, b, c, d] = [inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]];
    for (let k = 0, j = at; k < m; k++, j++) {
      sums[k] += a * weights[j] + b * weights[j + m] + c * weights[j + 2 * m] + d * weights[j + 3 * m];
    }
  }
  for (; i < inputs.length; i++, at += m) for (let k = 0; k < m; k++) sums[k] += inputs[i] * weights[at + k];
}

// The network that network.js handed over, its arrays unpacked, with the activations of the notes.
function unpackNetwork(content) {
  const unpackAll = part => part && Object.fromEntries(Object.entries(part).map(
    ([name, value]) => [name, value?.base64 ? unpack(value) : value]));
  const layers = content.layers.map(layer => ({...unpackAll(layer), shape: layer.weights?.shape}));
  return {...content, layers, activation: fromFloat16(unpack(content.activation)),
          normalisation: unpackAll(content.normalisation), novelty: unpackAll(content.novelty),
          principal: unpackAll(content.principal)};
}

// A waveform (64000,) at the level of the training's notes: Network.level of trained.py.
function atLevel(waveform, [lowest, median, highest]) {
  const peak = peakOf(waveform);
  return lowest <= peak && peak <= highest ? waveform : waveform.map(value => value * Math.fround(median / peak));
}

// What the network says of a waveform (64000,): its spectrum, calibrated probabilities, fc2 and whether it is out of
// distribution.
function askNetwork({layers, peaks, dtype, temperature, normalisation, novelty}, waveform) {
  const spectrum = logSpectrum(atLevel(waveform, peaks));
  if (dtype === 'float16') roundToFloat16(spectrum);
  let value = tensor([N_FRAMES, 1, N_BINS], normalisation
    ? spectrum.map((level, i) => level * normalisation.factor[i] + normalisation.offset[i]) : spectrum);
  const [outputs, features] = [{}, []];  // features: what novelty.py takes, of every filter mean and maximum, and fc2
  for (const layer of layers) {
    value = outputs[layer.name] = LAYERS[layer.kind](value, layer);
    if (layer.kind === 'relu') features.push(...LAYERS['mean and maximum'](value).data);
  }
  features.push(...outputs.fc2.data);
  const logOdds = novelty ? features.reduce((sum, one, i) => sum + one * novelty.weights[i], novelty.bias) : 0;
  return {spectrum, fc2: outputs.fc2.data, probabilities: softmax(value.data, temperature),
          isOut: !!novelty && novelty.limit !== null && logOdds > novelty.limit};
}

function softmax(logits, temperature) {
  const powers = Array.from(logits, logit => Math.exp((logit - extent(logits)[1]) / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}
