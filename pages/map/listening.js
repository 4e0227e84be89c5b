// From a sound file to the waveform that the network takes, as deepdream/audio.py does it.
'use strict';

const MOST_BYTES = 50_000_000;  // half an hour of MP3, 5 minutes of wav: more would fill the memory when decoded
const OTHER_RATE_HZ = 48_000;  // at which sounds are decoded whose own rate is not found
const WINDOW_SECONDS = N_SAMPLES / RATE_HZ;
const [SILENT_PEAK, SHORTEST_SECONDS, MAX_PEAK] = [1e-4, 0.001, 100];
const [LEAST_OFFSET, CANCELLED_DB] = [0.005, -12];
const [ONSET_DB, FIRST_DB, LATE_SECONDS] = [-30, -40, 0.1];
// The resampling filters, fitted to the impulse responses of soxr (HQ), with which they agree to -78 dB and better: the
// edge of the band as a share of the lower of the two rates' own, half the length in samples of the lower rate, the shape
// of Kaiser's window. `dip`: the share and the edge of a second filter with a Gaussian window of so many samples, which
// stands for the second stage that soxr has for 44.1 kHz and its like: -0.01 dB just below the edge.
const BAND_EDGE = 0.95686;
const RESAMPLING = {whole: {half: 97.04, beta: 13.04}, others: {half: 102.1, beta: 13.81},
  compact: {half: 102.1, beta: 13.81, dip: {share: 0.00126, edge: 0.84434, width: 3.539}}};

// The sample rate that a wav, FLAC or Vorbis file names; 48,000 for others.
function ownRate(bytes) {
  const view = new DataView(bytes);
  const text = (start, end) => String.fromCharCode(...new Uint8Array(bytes.slice(start, end)));
  if (bytes.byteLength < 64) return OTHER_RATE_HZ;
  if (text(0, 4) === 'fLaC') return view.getUint32(18) >>> 12;
  if (text(28, 35) === '\x01vorbis') return view.getUint32(40, true);
  const format = text(0, 4) === 'RIFF' ? text(0, 4096).indexOf('fmt ') : -1;
  return format >= 0 ? view.getUint32(format + 12, true) : OTHER_RATE_HZ;
}

// Decode a file, at its own rate where the browser allows it; throws an Error that says what is wrong with it.
async function decodeSound(bytes) {
  if (!bytes.byteLength) throw new Error('empty');
  if (bytes.byteLength > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES / 1e6} MB`);
  const own = ownRate(bytes);
  const rate = own >= 8000 && own <= 96_000 ? own : OTHER_RATE_HZ;  // what every browser must support
  try {
    return await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new Error('not audio that this browser can read');
  }
}

// The loudest 4 s of a decoded sound from their onset on: {channels, rate, waveform (64000,)}.
function loudestWindow(buffer) {
  const rate = buffer.sampleRate;
  const whole = Array.from({length: buffer.numberOfChannels}, (_, i) => evened(buffer.getChannelData(i)));
  const start = loudestStart(whole, rate);
  const frames = whole.map(channel => channel.subarray(start, start + Math.round(2.025 * WINDOW_SECONDS * rate)));
  checkFrames(frames, rate);
  const late = onsetFrame(frames.map(channel => channel.subarray(0, WINDOW_SECONDS * rate)), rate);
  const channels = frames.map(channel => channel.subarray(late, late + Math.round(1.025 * WINDOW_SECONDS * rate)));
  const waveform = resample(mixDown(withoutOffset(channels, rate)), rate);
  if (peakOf(waveform) < SILENT_PEAK) throw new Error('silent (its peak is below −80 dB)');
  return {channels, rate, waveform};
}

// Chromium divides the positive samples of 16 bits by 32,767 and the negative ones by 32,768, which adds harmonics at
// -90 dB: enough to change a probability by 0.004. Here both are divided by 32,768, in place.
function evened(samples) {
  const isPositive = value => value > 0 && Math.abs(value * 32_767 - Math.round(value * 32_767)) < 0.01;
  if (!samples.every(value => value <= 0 || isPositive(value))) return samples;
  for (let i = 0; i < samples.length; i++) if (samples[i] > 0) samples[i] *= 32_767 / 32_768;
  return samples;
}

function checkFrames(frames, rate) {
  if (frames[0].length < SHORTEST_SECONDS * rate) throw new Error('shorter than 1 ms');
  const peak = Math.max(...frames.map(peakOf));
  if (!(peak <= MAX_PEAK)) throw new Error(isFinite(peak) ? `peaks at ${peak}, where full scale is 1` : 'not finite');
}

function peakOf(numbers) {
  let most = 0;
  for (let i = 0; i < numbers.length; i++) most = Math.max(most, Math.abs(numbers[i]));
  return most;
}

// The mean, and the mean square, of numbers from `start` to `end`.
function moments(numbers, start, end) {
  let [sum, squares] = [0, 0];
  for (let i = start; i < end; i++) {
    sum += numbers[i];
    squares += numbers[i] * numbers[i];
  }
  return [sum / (end - start), squares / (end - start)];
}

// The frame from which 4 s hold the most energy, on a grid of 0.1 s; of those within 1 % the first.
function loudestStart(channels, rate) {
  const block = Math.floor(rate / 10);
  const total = [0];
  for (let start = 0; start < channels[0].length; start += block) {
    const end = Math.min(start + block, channels[0].length);
    const energies = channels.map(channel => moments(channel, start, end)).map(
      ([mean, square]) => (square - mean * mean) * (end - start) / channels.length);
    total.push(total.at(-1) + Math.max(0, energies.reduce((a, b) => a + b)));
  }
  const n = Math.floor(WINDOW_SECONDS * rate / block);
  const inside = total.slice(n).map((sum, i) => sum - total[i]);
  const most = inside.reduce((a, b) => Math.max(a, b), 0);
  return inside.length ? block * inside.findIndex(energy => energy >= 0.99 * most) : 0;
}

// Where a sound begins; 0 for an onset in the first 0.1 s.
function onsetFrame(frames, rate) {
  const size = Math.floor(rate / 100);
  const channels = withoutOffset(frames, rate);
  const powers = Array.from({length: Math.floor(channels[0].length / size)}, (_, block) => channels.reduce(
    (sum, channel) => sum + moments(channel, block * size, (block + 1) * size)[1], 0));
  if (!powers.length) return 0;
  const block = powers.findIndex(power => power >= 10 ** (ONSET_DB / 10) * Math.max(...powers));
  const least = 10 ** (FIRST_DB / 20) * Math.max(...channels.map(peakOf));
  const begin = Math.max(0, block - 1) * size;
  let first = begin;
  while (first < (block + 1) * size && !channels.some(channel => Math.abs(channel[first]) >= least)) first++;
  if (first === (block + 1) * size) first = begin;
  return first > LATE_SECONDS * rate ? first : 0;
}

// The channels without their constant offsets: what the quietest tenth of blocks of 0.1 s agree on as their mean.
function withoutOffset(channels, rate) {
  const length = channels[0].length;
  if (channels.every(channel => Math.abs(moments(channel, 0, length)[0]) < LEAST_OFFSET / 2)) return channels;
  const size = Math.max(1, Math.min(length, Math.round(rate / 10)));
  return channels.map(channel => {
    const blocks = Array.from({length: Math.floor(length / size)}, (_, i) => moments(channel, i * size, i * size + size));
    const quiet = blocks.sort((a, b) => a[1] - a[0] ** 2 - b[1] + b[0] ** 2).slice(0, Math.ceil(blocks.length / 10));
    const means = quiet.map(([mean]) => mean).sort((a, b) => a - b);
    const offset = (means[(means.length - 1) >> 1] + means[means.length >> 1]) / 2;
    const agree = Math.abs(offset) >= LEAST_OFFSET && means.at(-1) - means[0] <= Math.abs(offset);
    return agree ? channel.map(value => value - Math.fround(offset)) : channel;
  });
}

// The mean of the channels; where they cancel each other, the louder channel.
function mixDown(channels) {
  const level = waveform => Math.sqrt(moments(waveform, 0, waveform.length)[1]);
  const mix = channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
  const levels = channels.map(level);
  const loudest = Math.max(...levels);
  return level(mix) < 10 ** (CANCELLED_DB / 20) * loudest ? channels[levels.indexOf(loudest)] : mix;
}

// 4 s at 16 kHz of a waveform, with zeros behind its end, through a windowed sinc (Kaiser).
function resample(waveform, rate) {
  if (rate === RATE_HZ) return Float32Array.from({length: N_SAMPLES}, (_, i) => waveform[i] ?? 0);
  const result = new Float32Array(N_SAMPLES);
  const step = rate / RATE_HZ;
  const band = Math.min(1, 1 / step);  // of the file's own
  const filter = RESAMPLING[rate % 11_025 ? (rate % 8000 || rate > 48_000 ? 'others' : 'whole') : 'compact'];
  const half = Math.ceil(filter.half / band);
  const filters = new Map();  // by the place between two samples, in 1/16000
  const length = Math.min(N_SAMPLES, Math.round(waveform.length / step));
  for (let n = 0; n < length; n++) {
    const [whole, phase] = [Math.floor(n * rate / RATE_HZ), n * rate % RATE_HZ];
    if (!filters.has(phase)) filters.set(phase, sincFilter(phase / RATE_HZ, half, band, filter));
    const [weights, from] = [filters.get(phase), whole - half + 1];
    const end = Math.min(2 * half, waveform.length - from);
    let sum = 0;
    for (let i = Math.max(0, -from); i < end; i++) sum += weights[i] * waveform[from + i];
    result[n] = sum;
  }
  return result;
}

// The weights of 2 * size samples around a place that lies `share` behind the sample at size - 1; `band` is the lower
// rate in shares of the sound's own.
function sincFilter(share, size, band, {half, beta, dip = {share: 0, edge: 1, width: 1}}) {
  const lowPass = (edge, x) => edge * band * (x ? Math.sin(Math.PI * edge * x) / (Math.PI * edge * x) : 1);
  return Float64Array.from({length: 2 * size}, (_, i) => {
    const x = (i - size + 1 - share) * band;
    if (Math.abs(x) > half) return 0;
    const kaiser = bessel(beta * Math.sqrt(1 - (x / half) ** 2)) / bessel(beta);
    const dipped = dip.share * lowPass(dip.edge, x) * Math.exp(-0.5 * (x / dip.width) ** 2);
    return (1 - dip.share) * lowPass(BAND_EDGE, x) * kaiser + dipped;
  });
}

// The modified Bessel function of order 0.
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / 2 / k) ** 2;
  return sum;
}
