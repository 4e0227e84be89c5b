// What the field of search finds: notes of which every word is known, or told by the pitch.
'use strict';

const KNOWN = [];

// What is known of a note in words, in small letters.
function wordsAbout(note) {
  return KNOWN[note] ??= spelled([
    MAP.notes[note], familyOf(note), MAP.sources[MAP.source[note]], MAP.instruments[MAP.instrument[note]],
    MAP.predicted ? MAP.labels[MAP.predicted[note]] : '', MAP.programs[MAP.program?.[note]] ?? ''].join('\n'));
}

function spelled(text) {
  return text.toLowerCase().replaceAll('♯', '#').replaceAll('♭', 'b');
}

// The pitch that a word names, as 'c4', 'c#4' or 'db4' do; NaN where it names none.
function pitchOf(word) {
  const [, letter, accidental, octave] = /^([a-g])([#b]?)(-?\d)$/.exec(word) ?? [];
  const semitones = {c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11}[letter];
  return semitones + ({'#': 1, b: -1}[accidental] ?? 0) + 12 * (Number(octave) + 5 - MAP.middle_octave);
}

function wordsOf(search) {
  return spelled(search).split(/\s+/).filter(Boolean);
}

// Whether a note has a word. A pitch is no part of a word: “C4” does not find “pac4”.
function finder(word) {
  const pitch = pitchOf(word);
  if (Number.isNaN(pitch)) return note => wordsAbout(note).includes(word);
  const whole = new RegExp(`(?<![a-z0-9])${word}(?!\\d)`);
  return note => MAP.pitch[note] === pitch || whole.test(wordsAbout(note));
}

// How many notes have all of these words.
function having(words) {
  const finders = words.map(finder);
  return MAP.notes.reduce((sum, _, note) => sum + finders.every(has => has(note)), 0);
}

// What the search has found, in words.
function foundText(state) {
  const words = wordsOf(state.search);
  if (!words.length) return '';
  const found = passing(state).reduce((sum, passes) => sum + passes, 0);
  if (found) return `${found.toLocaleString('en')} found · Enter zooms there`;
  const strange = words.filter(word => !having([word]));
  if (strange.length) return `Nothing found: no note has “${strange.join('” or “')}”.`;
  const hidden = having(words);
  return hidden ? `Nothing found: the filters below hide ${counted(hidden, 'note')}.`
    : 'Nothing found: no note has all these words.';
}
