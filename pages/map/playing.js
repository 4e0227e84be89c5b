// Plays the map as an instrument: one note or several at once, once or again and again, a row of notes at a tempo.
'use strict';

const AHEAD_SECONDS = 0.1;  // how long before its time a note of a row is handed to the audio clock
const PREPARED_NOTES = 6;
const MAX_HEARD = 12;       // of the notes that were selected together

class Playing {
  constructor(app) {
    Object.assign(this, {app, touched: -1, ready: {}});
    this.sound = new Sound((...voice) => app.voiced(...voice), note => app.card.still(note));
    byId('volume').value = this.sound.volume;
    byId('volume').oninput = event => this.sound.setVolume(event.target.valueAsNumber);
    byId('hover').onchange = event => event.target.checked && !this.sound.open() && app.say(SILENCES.blocked);
    byId('tempo').oninput = () => byId('tempo-text').textContent = byId('tempo').value;
    byId('tempo').oninput();
    byId('original-box').hidden = ![...MAP.notes.keys()].some(originalUrl);
    addEventListener('pointerdown', ({target}) => byId('playing').contains(target) || (byId('playing').open = false));
  }

  get manner() {
    return {alone: !byId('poly').checked, loop: byId('loop').checked};
  }

  playsOriginal(note) {
    return byId('original').checked && !!originalUrl(note);
  }

  // Play a note, the original where it is wanted and need not be `quick`: in Chromium it sounded 30 ms after the press,
  // the preview 1 ms. Resolves to what to tell the reader, or ''.
  async play(note, quick) {
    if (quick || !this.playsOriginal(note) || !this.sound.open()) return this.sound.hear(note, this.manner);
    const audio = this.ready.note === note ? this.ready.audio : undefined;
    const turn = this.sound.take(this.manner.alone);
    this.ready = {};
    try {
      await playOriginal(this.sound, note, turn, {...this.manner, audio});
      return '';
    } catch {
      if (turn !== this.sound.turn) return '';
      return await this.sound.hear(note, this.manner) || `${MAP.notes[note]}: this is the preview. The browser cannot `
        + `play ${originalPath(note)}: the file is gone, or of a format that it does not know.`;
    }
  }

  // The note under the pointer has become another: it sounds for as long as the pointer stays. `quiet`: the map has
  // moved, not the pointer.
  async touch(note, quiet) {
    this.touched = note;
    this.sound.endBrief();
    if (note < 0) return;
    this.prepare(note);
    if (quiet || !byId('hover').checked) return;
    this.app.say(await this.sound.hear(note, {...this.manner, brief: true, wanted: () => this.touched === note}));
  }

  prepare(note) {
    this.sound.prepare(note);
    if (!this.playsOriginal(note) || this.ready.note === note) return;
    this.ready = {note, audio: originalElement(note, this.ready.audio)};
  }

  // Play notes at the tempo while `goesOn()`, each at its time of the audio clock; `onStep(note, i)` follows with the
  // eyes' accuracy. A note without a sound is a rest. Resolves to what to tell the reader, or ''.
  async row(notes, goesOn, onStep) {
    const {sound} = this;
    if (!sound.open()) return SILENCES.blocked;
    if (!await sound.running()) return SILENCES.withheld;
    let at = sound.context.currentTime;
    for (let i = 0; i < notes.length || this.manner.loop; i++) {
      for (let k = 1; k < PREPARED_NOTES; k++) sound.prepare(notes[(i + k) % notes.length]);
      const note = notes[i % notes.length];
      const buffer = await sound.buffer(note).catch(() => null);
      if (!goesOn()) return '';
      at = Math.max(at, sound.context.currentTime + 0.01);
      this.until(at).then(() => goesOn() && onStep(note, i % notes.length));
      if (buffer) sound.start(note, buffer, {alone: this.manner.alone, at});
      at += 60 / byId('tempo').valueAsNumber;
      await this.until(at - AHEAD_SECONDS);
      if (!goesOn()) return '';
    }
    await this.until(at);
    return '';
  }

  until(time) {
    return pause(1000 * (time - this.sound.context.currentTime));
  }
}

// At most `most` of some notes, evenly chosen.
function fewOf(notes, most) {
  if (notes.length <= most) return notes;
  return Array.from({length: most}, (_, i) => notes[Math.floor(i * notes.length / most)]);
}
