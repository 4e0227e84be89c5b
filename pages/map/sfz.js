// A selection as the instrument of a sampler (SFZ), one group for each instrument of the notes.
'use strict';

const N_KEYS = 128;
const FIRST_KIT_KEY = 36;  // where drum kits begin
// Measured with sfizz, which does not cut off the silence that an MP3 decoder puts before a sound: 0.107 s.
const MP3_IN_SFZ = 'These are MP3 previews. Some samplers read none, others begin them 0.1 s late: originals.csv names '
  + 'the originals.';

// Share the values 0-127 among `centres` (sorted, distinct): each gets what is nearest to it, and none is left out.
function ranges(centres) {
  const borders = centres.slice(1).map((centre, i) => Math.floor((centres[i] + centre) / 2));
  return centres.map((centre, i) => [i ? borders[i - 1] + 1 : 0, i < borders.length ? borders[i] : 127]);
}

// What the SFZ format cannot carry in a path: it knows no quoting.
function fitsSfz(path) {
  return !/[<>=$\r\n]|\/\/|\/\*/.test(path);
}

function wavOf(note) {
  return isAdded(note) ? MAP.added_files[note - MAP.n_notes] : fileOf(note);
}

// Where the notes go: those of known pitch by instrument, [[instrument, notes], ...]; the others as a drum kit, {note:
// key}; and the numbers of those that go nowhere. `pathOf` gives the path of a note's sound.
function sfzPlan(notes, pathOf) {
  const heard = notes.filter(note => MAP.has_sound[note]);
  const onDisk = heard.filter(pathOf);  // of a sound that was dropped the page does not learn where it lies
  const fitting = onDisk.filter(note => fitsSfz(pathOf(note)));
  const byInstrument = group => groupBy(group, note => MAP.instrument[note]);
  const withoutPitch = byInstrument(fitting.filter(note => MAP.pitch[note] < 0)).flatMap(([, group]) => group);
  const kit = new Map(withoutPitch.slice(0, N_KEYS).map((note, i) => [note, (FIRST_KIT_KEY + i) % N_KEYS]));
  return {pitched: byInstrument(fitting.filter(note => MAP.pitch[note] >= 0)),
          kit: byInstrument([...kit.keys()]), keyOf: kit, pathOf,
          placed: fitting.length - withoutPitch.length + kit.size,
          silent: notes.length - heard.length, unplaced: heard.length - onDisk.length,
          unfit: onDisk.length - fitting.length,
          crowded: withoutPitch.length - kit.size};
}

// What an SFZ file of the notes holds and lacks, in sentences.
function sfzRemarks(notes, pathOf = wavOf) {
  const {pitched, keyOf, placed, silent, unplaced, unfit, crowded} = sfzPlan(notes, pathOf);
  const leftOut = (number, why) => `${counted(number, 'note')} left out: ${why}.`;
  const last = FIRST_KIT_KEY + keyOf.size - 1;
  const keys = last < N_KEYS ? `${FIRST_KIT_KEY} to ${last}` : `${FIRST_KIT_KEY} to 127 and 0 to ${last - N_KEYS}`;
  return [
    [!placed, 'There is no SFZ file to write.'],
    [placed, `The SFZ file holds ${placed.toLocaleString('en')} of ${counted(notes.length, 'note')}.`],
    [keyOf.size, `${counted(keyOf.size, 'note')} without a pitch: one key each, on the keys ${keys}.`],
    [pitched.length > 1 || pitched.length && keyOf.size,
     'Its groups sound together: delete those that you do not want.'],
    [crowded, leftOut(crowded, 'without a pitch, and no key is left')],
    [silent, leftOut(silent, 'the wav is missing or could not be read')],
    [unplaced, leftOut(unplaced, 'the page does not know the folder of what was dropped on it')],
    [unfit, leftOut(unfit, 'SFZ cannot carry a character of the name')],
  ].filter(([holds]) => holds).map(([, sentence]) => sentence);
}

// The regions of one instrument: every key and velocity plays the nearest note; notes of one pitch and velocity take
// turns.
function sfzZones(notes, pathOf) {
  const byPitch = groupBy(notes, note => MAP.pitch[note]);
  const keys = ranges(byPitch.map(([pitch]) => pitch));
  return byPitch.flatMap(([pitch, ofPitch], i) => {
    const byVelocity = groupBy(ofPitch, note => Math.max(1, MAP.velocity[note]));
    const velocities = ranges(byVelocity.map(([velocity]) => velocity));
    return byVelocity.flatMap(([, group], j) => group.map((note, turn) => {
      const robin = group.length > 1 ? ` seq_length=${group.length} seq_position=${turn + 1}` : '';
      return `<region> lokey=${keys[i][0]} hikey=${keys[i][1]} pitch_keycenter=${pitch} lovel=${velocities[j][0]} `
        + `hivel=${velocities[j][1]}${robin} sample=${pathOf(note)}\n`;
    }));
  });
}

// The groups of a plan: [the folder of its wavs, text].
function sfzGroups({pitched, kit, keyOf, pathOf}) {
  const folder = ([note]) => isAdded(note) ? MAP.added_folder : MAP.audio_folder;
  const title = instrument => MAP.instruments[instrument].replace(/[<>=$/*]/g, ' ');
  const text = (instrument, about, opcodes, regions) =>
    `\n// ${title(instrument)}: ${about}\n<group> ampeg_release=0.3${opcodes}\n${regions.join('')}`;
  return [
    ...pitched.map(([instrument, notes]) => [folder(notes), text(
      instrument, counted(notes.length, 'note'), '', sfzZones(notes, pathOf))]),
    ...kit.map(([instrument, notes]) => [folder(notes), text(
      instrument, `${counted(notes.length, 'note')} without a pitch`, ' pitch_keytrack=0',
      notes.map(note => `<region> key=${keyOf.get(note)} sample=${pathOf(note)}\n`))])];
}

// The text of an SFZ file of the original wavs or, with `previewPath`, of the paths of previews beside it; '' where no
// note can be in it.
function sfzText(notes, previewPath) {
  const plan = sfzPlan(notes, previewPath || wavOf);
  if (!plan.placed) return '';
  const isNamed = !previewPath && MAP.audio_folder && fitsSfz(MAP.audio_folder) && fitsSfz(MAP.added_folder);
  const where = previewPath ? MP3_IN_SFZ : isNamed ? 'The wavs are looked for in the folder below.'
    : 'Put this file into the folder of the wavs.';
  const lines = [...sfzRemarks(notes, previewPath), where].map(sentence => `// ${sentence}\n`);
  let current = '';
  for (const [folder, text] of sfzGroups(plan)) {
    if (isNamed && folder !== current) lines.push(`\n<control>\ndefault_path=${folder}\n`);
    current = folder;
    lines.push(text);
  }
  return lines.join('');
}
