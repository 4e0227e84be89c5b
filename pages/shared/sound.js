// Plays previews: several voices at once, each faded in and out, through one volume and a limiter.
'use strict';

const MAX_VOICES = 10;
const MAX_DECODED = 300;
const FADE_IN_SECONDS = 0.004;
const FADE_OUT_SECONDS = 0.05;
const RESUME_MILLISECONDS = 500;

// Why a note is not heard.
const SILENCES = {
  silent: 'There is no sound: the wav is missing or could not be read.',
  blocked: 'Browsers keep a page silent until the first click or key press. Click anywhere, then listen.',
  withheld: 'The browser gives this page no sound. Allow it beside the address, and check that a loudspeaker is there.',
};

class Sound {
  constructor(onVoice) {
    this.onVoice = onVoice;  // called with (note, seconds) when a note starts to sound
    this.context = null;
    this.voices = [];
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

  // True once the context runs; a browser that forbids sound would never answer.
  async running() {
    if (this.context.state !== 'running') {
      await Promise.race([this.context.resume(), new Promise(resolve => setTimeout(resolve, RESUME_MILLISECONDS))]);
    }
    return this.context.state === 'running';
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.context) this.master.gain.setTargetAtTime(volume, this.context.currentTime, 0.02);
  }

  // The decoded preview of a note, from the most recently used ones where it is among them.
  buffer(note) {
    const known = this.decoded.get(note) || previewOf(note).then(
      ([sound]) => this.context.decodeAudioData(bytesOf(sound).buffer));
    this.decoded.delete(note);
    this.decoded.set(note, known);
    if (this.decoded.size > MAX_DECODED) this.decoded.delete(this.decoded.keys().next().value);
    known.catch(() => this.decoded.delete(note));
    return known;
  }

  // Get a note ready, so that it sounds at once when asked for.
  prepare(note) {
    if (!MAP.has_sound[note]) return;
    if (this.context) this.buffer(note).catch(() => {});
    else previewOf(note).catch(() => {});
  }

  // Play a note; `alone` fades the other voices; a `rate` above 1 sounds higher. Resolves to 'playing', 'silent' (no wav), 'late' or,
  // where the browser keeps the page silent, 'blocked' (no click yet) or 'withheld'.
  async play(note, {alone = true, patience = Infinity, rate = 1} = {}) {
    if (!MAP.has_sound[note]) return 'silent';
    if (!this.open()) return 'blocked';
    const asked = performance.now();
    const buffer = await this.buffer(note);
    if (performance.now() - asked > patience) return 'late';
    if (!await this.running()) return 'withheld';
    if (alone) this.stop();
    while (this.voices.length >= MAX_VOICES) this.fade(this.voices.shift());
    this.start(note, buffer, rate);
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

  start(note, buffer, rate) {
    const now = this.context.currentTime;
    const source = new AudioBufferSourceNode(this.context, {buffer, playbackRate: rate});
    const gain = new GainNode(this.context, {gain: 0});
    gain.gain.setValueAtTime(0, now);
    gain.gain.linearRampToValueAtTime(0.9, now + FADE_IN_SECONDS);
    source.connect(gain).connect(this.master);
    const voice = {source, gain};
    const onset = onsetSeconds(buffer);
    source.start(now, onset);
    source.onended = () => {
      this.voices = this.voices.filter(one => one !== voice);
      gain.disconnect();
    };
    this.voices.push(voice);
    this.onVoice(note, (buffer.duration - onset) / rate);
  }

  fade({source, gain}) {
    const now = this.context.currentTime;
    gain.gain.cancelScheduledValues(now);
    gain.gain.setTargetAtTime(0, now, FADE_OUT_SECONDS / 3);
    source.stop(now + 2 * FADE_OUT_SECONDS);
  }

  stop() {
    for (const voice of this.voices.splice(0)) this.fade(voice);
  }
}

// Where the note begins: an MP3 decoder may put up to 0.1 s of silence before it.
function onsetSeconds(buffer) {
  const waveform = buffer.getChannelData(0);
  const loud = waveform.findIndex(value => Math.abs(value) > 0.004);
  return Math.max(0, loud / buffer.sampleRate - 0.003);
}
