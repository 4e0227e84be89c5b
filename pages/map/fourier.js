// The spectrum of a waveform, as deepdream/spectrum.py computes and stores it.
'use strict';

const RATE_HZ = 16_000;
const N_SAMPLES = 64_000;
const [N_FFT, HOP_LENGTH, N_FRAMES, N_BINS, LOG_SCALE] = [1024, 256, 251, 513, 1000];

// The cosines and sines of a transform of N_FFT, and the order of its inputs.
const TURNS = Array.from({length: N_FFT / 2}, (_, i) => 2 * Math.PI * i / N_FFT);
const [COSINES, SINES] = [Float64Array.from(TURNS, Math.cos), Float64Array.from(TURNS, Math.sin)];
const HANN = Float32Array.from({length: N_FFT}, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / N_FFT));
const REVERSED = Uint16Array.from({length: N_FFT}, (_, i) => {
  let reversed = 0;
  for (let bit = 1; bit < N_FFT; bit *= 2) reversed = 2 * reversed + (i & bit ? 1 : 0);
  return reversed;
});

// The discrete Fourier transform, in place, of N_FFT complex numbers that stand in the order REVERSED (Cooley, Tukey).
function transform(real, imaginary) {
  for (let half = 1; half < N_FFT; half *= 2) {
    const step = N_FFT / 2 / half;
    for (let start = 0; start < N_FFT; start += 2 * half) {
      for (let i = start, turn = 0; i < start + half; i++, turn += step) {
        const j = i + half;
        const x = real[j] * COSINES[turn] + imaginary[j] * SINES[turn];
        const y = imaginary[j] * COSINES[turn] - real[j] * SINES[turn];
        real[j] = real[i] - x;
        imaginary[j] = imaginary[i] - y;
        real[i] += x;
        imaginary[i] += y;
      }
    }
  }
}

// log(1 + 1000 |STFT|), (251, 513), of a waveform (64000,): centred frames, two at a time as one complex signal.
function logSpectrum(waveform) {
  const padded = new Float32Array(N_SAMPLES + N_FFT + HOP_LENGTH);
  padded.set(waveform, N_FFT / 2);
  const spectrum = new Float32Array((N_FRAMES + 1) * N_BINS);
  const [real, imaginary] = [new Float64Array(N_FFT), new Float64Array(N_FFT)];
  for (let frame = 0; frame < N_FRAMES; frame += 2) {
    const start = frame * HOP_LENGTH;
    for (let i = 0; i < N_FFT; i++) {
      const from = REVERSED[i];
      real[i] = padded[start + from] * HANN[from];
      imaginary[i] = padded[start + HOP_LENGTH + from] * HANN[from];
    }
    transform(real, imaginary);
    for (let bin = 0; bin < N_BINS; bin++) {
      const mirrored = (N_FFT - bin) % N_FFT;
      const [a, b, c, d] = [real[bin], imaginary[bin], real[mirrored], imaginary[mirrored]];
      const at = frame * N_BINS + bin;
      spectrum[at] = Math.log(1 + LOG_SCALE / 2 * Math.sqrt((a + c) ** 2 + (b - d) ** 2));
      spectrum[at + N_BINS] = Math.log(1 + LOG_SCALE / 2 * Math.sqrt((b + d) ** 2 + (c - a) ** 2));
    }
  }
  return spectrum.subarray(0, N_FRAMES * N_BINS);
}

// Round numbers from 0 to 65,504 to those that float16 has, in place, to even: as `to_float16` of Python does.
function roundToFloat16(numbers) {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] *= 2 ** -112;
    bits[i] = bits[i] + (bits[i] >>> 13 & 1) + 4095 & ~8191;
    numbers[i] *= 2 ** 112;
  }
  return numbers;
}

// The float32 of float16 bits of numbers from 0 on.
function fromFloat16(bits) {
  const numbers = new Float32Array(Uint32Array.from(bits, half => half << 13).buffer);
  return numbers.map(number => number * 2 ** 112);
}
