// Draws the spectrum of a note: time from left to right, frequency upwards.
'use strict';

const SPECTRUM_SIZE = {width: 125, height: 80};

function spectrumCanvas() {
  return element('canvas', {...SPECTRUM_SIZE, role: 'img',
                            'aria-label': 'Spectrum: time from left to right, frequency upwards'});
}

// Draw the picture of a note, a grey WebP, in the colours of the dark scale; resolves to false where there is none.
async function drawSpectrum(canvas, note) {
  const [, picture] = await previewOf(note);
  if (!picture) return false;
  const image = new Image();
  image.src = `data:image/webp;base64,${picture}`;
  await image.decode();
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  const table = lookupTable(SCALES.dark);
  for (let i = 0; i < words.length; i++) words[i] = table[words[i] & 255];
  context.putImageData(pixels, 0, 0);
  return true;
}
