// The files that the previews were made of. Web Audio may not read file://, but an <audio> element does.
'use strict';

const ORIGINAL_SECONDS = 4;  // of a file, as long as a preview
const SEEK_ATTACK_SECONDS = 0.01;

// The path of a note's file as a person writes it.
function originalPath(note) {
  return decodeURIComponent(originalUrl(note).replace(/^file:\/\//, ''));
}

// An element that gets the file of a note ready.
function originalElement(note, audio = new Audio()) {
  Object.assign(audio, {preload: 'auto', src: originalUrl(note)});
  audio.currentTime = originalStart(note);
  return audio;
}

// Play the file of a note as a voice of `sound`, at its own rate; rejects where it is gone or cannot be decoded.
async function playOriginal(sound, note, turn, {alone, loop, audio = originalElement(note)}) {
  const start = originalStart(note);
  audio.volume = start ? 0 : LEVEL * sound.volume;  // a file begins softly, its middle does not
  await audio.play();
  if (turn !== sound.turn) return letGo(audio);
  if (start) ramp(audio, LEVEL * sound.volume, SEEK_ATTACK_SECONDS);
  const seconds = Math.min(ORIGINAL_SECONDS, audio.duration - start);
  const voice = {note, setVolume: volume => ramp(audio, LEVEL * volume, 0.02)};
  const timer = setInterval(() => {
    if (!loop) return sound.release(voice);
    audio.currentTime = start;
    audio.play();
  }, 1000 * seconds);
  voice.release = () => {
    clearInterval(timer);
    ramp(audio, 0, RELEASE_SECONDS, () => letGo(audio));
  };
  sound.add(voice, alone, seconds, loop);
}

// Chromium grants a page 75 elements with a file.
function letGo(audio) {
  audio.removeAttribute('src');
  audio.load();
}

// Move the volume of an element in small steps.
function ramp(audio, volume, seconds, then = () => {}) {
  const [before, start] = [audio.volume, performance.now()];
  clearInterval(audio.ramping);
  audio.ramping = setInterval(() => {
    const share = Math.min(1, (performance.now() - start) / 1000 / seconds);
    audio.volume = before + (volume - before) * share;
    if (share < 1) return;
    clearInterval(audio.ramping);
    then();
  }, 4);
}

// Some browsers lend no clipboard to a page from file://, but copy what is marked in a field.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element('textarea', {value: text});
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
}
