// Plays previews: several voices at once, each with a short attack and release, through one volume and a limiter.
'use strict';

const MAX_VOICES = 10;
const MAX_DECODED = 300;
const LEVEL = 0.9;
const ATTACK_SECONDS = 0.004;
const RELEASE_SECONDS = 0.05;
const PATIENCE_MILLISECONDS = 3000;  // Firefox's AudioContext took up to 1.9 s to run

// Why a note is not heard.
const SILENCES = {
  silent: 'There is no sound: the wav is missing or could not be read.',
  blocked: 'Browsers keep a page silent until the first click or key press. Click anywhere, then listen.',
  withheld: 'The browser gives this page no sound. Allow it beside the address, and check that a loudspeaker is there.',
};

class Sound {
  constructor(onVoice, onEnd = () => {}) {
    this.onVoice = onVoice;  // called with (note, seconds, loop) when a note starts to sound
    this.onEnd = onEnd;      // called with (note) when it ends or is ended
    this.context = null;
    this.voices = [];        // {note, release(at)}, the oldest first
    this.turn = {};          // of whom has asked to sound: replaced, who still waits must not sound any more
    this.decoded = new Map();
    this.volume = 0.8;
  }

  // Browsers let a page sound only after the first click or key: null before that.
  open() {
    if (!this.context) {
      if (navigator.userActivation && !navigator.userActivation.hasBeenActive) return null;
      const context = this.context = new AudioContext({latencyHint: 'interactive'});
      this.master = new GainNode(context, {gain: this.volume});
      const limiter = new DynamicsCompressorNode(context, {threshold: -8, ratio: 12, attack: 0.002, release: 0.1});
      this.master.connect(limiter).connect(context.destination);
    }
    return this.context;
  }

  // True as soon as the context runs; false where the browser forbids sound, to which no answer would come.
  async running() {
    const {context} = this;
    if (context.state === 'running') return true;
    return new Promise(resolve => {
      const answer = () => context.state === 'running' && resolve(true);
      context.addEventListener('statechange', answer);
      context.resume().then(answer, () => {});
      setTimeout(() => resolve(false), PATIENCE_MILLISECONDS);
    });
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.context) this.master.gain.setTargetAtTime(volume, this.context.currentTime, 0.02);
    for (const voice of this.voices) voice.setVolume?.(volume);
  }

  // The decoded preview of a note, from the most recently used ones where it is among them.
  buffer(note) {
    const known = this.decoded.get(note) || previewOf(note).then(
      ([sound]) => sound instanceof AudioBuffer ? sound : this.context.decodeAudioData(bytesOf(sound).buffer));
    this.decoded.delete(note);
    this.decoded.set(note, known);
    if (this.decoded.size > MAX_DECODED) this.decoded.delete(this.decoded.keys().next().value);
    known.catch(() => this.decoded.delete(note));
    return known;
  }

  // Get a note ready, so that it sounds at once when asked for.
  prepare(note) {
    if (MAP.has_sound[note]) (this.context ? this.buffer(note) : previewOf(note)).catch(() => {});
  }

  // The turn in which somebody asks to sound; to sound alone is to end the turn of those who wait.
  take(alone) {
    if (alone) this.turn = {};
    return this.turn;
  }

  // Play a note; `alone` ends the other voices, `brief` marks one that `endBrief` ends, a `rate` above 1 sounds higher,
  // and `wanted` is asked once the note is ready. Resolves to 'playing', 'silent' (no wav), 'late' (not wanted any more)
  // or, where the browser keeps the page silent, 'blocked' (no click yet) or 'withheld'.
  async play(note, {alone = true, loop = false, brief = false, rate = 1, wanted = () => true} = {}) {
    if (!MAP.has_sound[note]) return 'silent';
    if (!this.open()) return 'blocked';
    const turn = this.take(alone);
    const [buffer, runs] = await Promise.all([this.buffer(note), this.running()]);
    if (turn !== this.turn || !wanted()) return 'late';
    if (!runs) return 'withheld';
    this.start(note, buffer, {alone, loop, brief, rate});
    return 'playing';
  }

  // Play a note; resolves to what to tell the reader where it is not heard, else to ''.
  async hear(note, options) {
    try {
      const result = await this.play(note, options);
      return result in SILENCES ? `${MAP.notes[note]}: ${SILENCES[result]}` : '';
    } catch (error) {
      return `${MAP.notes[note]} cannot be played: ${error.message}`;
    }
  }

  // Let a decoded note sound, now or at a later time of the audio clock.
  start(note, buffer, {alone, loop = false, brief = false, rate = 1, at = this.context.currentTime}) {
    const onset = onsetSeconds(buffer);
    const source = new AudioBufferSourceNode(
      this.context, {buffer, playbackRate: rate, loop, loopStart: onset, loopEnd: buffer.duration});
    const gain = new GainNode(this.context, {gain: 0});
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(LEVEL, at + ATTACK_SECONDS);
    source.connect(gain).connect(this.master);
    source.start(at, onset);
    const release = (end = this.context.currentTime) => {
      gain.gain.cancelScheduledValues(end);
      gain.gain.setTargetAtTime(0, end, RELEASE_SECONDS / 3);
      source.stop(end + 2 * RELEASE_SECONDS);
    };
    const voice = {note, brief, release};
    source.onended = () => {
      gain.disconnect();
      this.forget(voice);
    };
    this.add(voice, alone, (buffer.duration - onset) / rate, loop, at);
  }

  // Take a voice in; others end for it: all where it is alone, else the same note's and the oldest.
  add(voice, alone, seconds, loop, at) {
    const tooMany = this.voices.length + 1 - MAX_VOICES;
    for (const [i, other] of [...this.voices].entries()) {
      if (alone || other.note === voice.note || i < tooMany) this.release(other, at);
    }
    this.voices.push(voice);
    const {turn} = this;
    const tell = () => turn === this.turn && this.onVoice(voice.note, seconds, loop);
    const wait = at - this.context?.currentTime;
    if (wait > 0) setTimeout(tell, 1000 * wait);
    else tell();
  }

  release(voice, at) {
    voice.release(at);
    this.forget(voice);
  }

  forget(voice) {
    if (!this.voices.includes(voice)) return;
    this.voices = this.voices.filter(one => one !== voice);
    this.onEnd(voice.note);
  }

  endBrief() {
    for (const voice of this.voices.filter(({brief}) => brief)) this.release(voice);
  }

  stop() {
    this.turn = {};
    for (const voice of this.voices) this.release(voice);
  }
}

// Where the note begins: an MP3 decoder may put up to 0.1 s of silence before it.
function onsetSeconds(buffer) {
  const waveform = buffer.getChannelData(0);
  const loud = waveform.findIndex(value => Math.abs(value) > 0.004);
  return Math.max(0, loud / buffer.sampleRate - 0.003);
}
