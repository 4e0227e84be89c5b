// The panel of the chosen unit: its dream, the read-back check, and the real notes that excite the unit most.
'use strict';

function canvasOf(row) {
  const canvas = spectrumCanvas();
  drawSpectrum(canvas, row).catch(() => {});
  return canvas;
}

function number(value) {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function timesText(unit, kind) {
  const ratio = unit.dreams[kind].read_back.times_strongest_note;
  if (ratio === null) return unit.dead ? 'no real note excites it' : 'no real note above 0';
  return `${number(ratio)} × strongest note`;
}

function unitPanel(unit, kind, play) {
  const dream = unit.dreams[kind];
  return [
    element('h2', {}, unit.title, unit.dead ? ' (dead)' : ''),
    element('div', {className: 'row'},
            element('button', {className: 'play', onclick: () => play(dream.row)}, '▶ Play'), ...mapLink(unit)),
    element('figure', {className: 'spectrum'}, element('div', {className: 'frame'}, canvasOf(dream.row))),
    element('p', {}, 'It prefers ', swatch(MAP.colours[unit.family]), MAP.labels[unit.family],
            `; its selectivity is ${unit.selectivity.toFixed(2)}.`),
    ...unit.keys.length ? [element('p', {id: 'instrument'}, `Its instrument has ${counted(unit.keys.length, 'key')}: `
      + 'play it with the keys A to P of the keyboard, Z and X change the octave.')] : [],
    ...readBack(dream), ...strongestNotes(unit, play)];
}

function mapLink(unit) {
  if (!MAP.map_page) return [];
  const text = unit.layer === 'fc2' ? 'Map coloured by this neuron' : 'Its strongest notes on the map';
  return [element('a', {href: `${MAP.map_page}#${unit.map}`}, text)];
}

// The activation that was optimised, that of the written sound file, and those of the real notes.
function readBack({read_back: check, sound, hz}) {
  const largest = Math.max(check.optimised, check.activation, check.strongest_note_activation, 1e-9);
  const rows = [['optimised', check.optimised], ['read back', check.activation],
                ['strongest note', check.strongest_note_activation], ['average note', check.average_note_activation]];
  return [
    element('h3', {}, 'Read-back check ', element('span', {className: check.passed ? 'right' : 'wrong'},
                                                  check.passed ? 'passed' : 'failed')),
    ...rows.map(([label, value]) => bar(label, value / largest, number(value))),
    element('p', {className: 'hint'}, hz ? `A note of ${hz.toFixed(1)} Hz. ` : '', `The spectral flatness of the sound is ${sound.flatness.toExponential(1)}, its `
      + `crest factor ${number(sound.crest_factor)}; it is loudest near ${Math.round(sound.loudest_hz)} Hz.`)];
}

function strongestNotes(unit, play) {
  return [element('h3', {}, 'Strongest real notes'), ...unit.notes.map((row, i) => lineButton(
    {className: 'line note', disabled: !MAP.has_sound[row], onclick: () => play(row)},
    MAP.colours[MAP.class_index[row]], MAP.notes[row], number(unit.note_activations[i])))];
}
