// The panel of the chosen unit: its dream, how honest that is, and the real notes that wake the unit most.
'use strict';

function canvasOf(row) {
  const canvas = element('canvas', {width: 125, height: 80, role: 'img',
                                    'aria-label': 'Spectrum: time from left to right, frequency upwards'});
  previewOf(row).then(([, picture]) => picture && drawSpectrum(canvas, picture)).catch(() => {});
  return canvas;
}

function number(value) {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function timesText(unit) {
  if (unit.honesty.times_strongest_note === null) return unit.dead ? 'no real note wakes it' : 'no real note above 0';
  return `${number(unit.honesty.times_strongest_note)} × strongest note`;
}

function unitPanel(unit, play) {
  return [
    element('h2', {}, unit.title, unit.dead ? ' (dead)' : ''),
    element('div', {className: 'row'}, element('button', {className: 'play', onclick: () => play(unit.row)}, '▶ Play'),
            ...mapLink(unit)),
    element('figure', {className: 'spectrum'}, element('div', {className: 'frame'}, canvasOf(unit.row))),
    element('p', {}, 'Prefers ', swatch(MAP.colours[unit.family]), MAP.labels[unit.family],
            `, selectivity ${unit.selectivity.toFixed(2)}.`),
    ...honesty(unit), ...strongestNotes(unit, play)];
}

function mapLink(unit) {
  if (!MAP.map_page) return [];
  const text = unit.layer === 'fc2' ? 'Map coloured by this neuron' : 'Its strongest notes on the map';
  return [element('a', {href: `${MAP.map_page}#${unit.map}`}, text)];
}

function honesty({honesty: score, sound}) {
  const largest = Math.max(score.claimed, score.activation, score.strongest_note_activation, 1e-9);
  const rows = [['claimed', score.claimed], ['read back', score.activation],
                ['best note', score.strongest_note_activation], ['average note', score.average_note_activation]];
  return [
    element('h3', {}, 'Honesty ', element('span', {className: score.survives ? 'right' : 'wrong'},
                                          score.survives ? 'survives being sound' : 'does not survive being sound')),
    ...rows.map(([label, value]) => bar(label, value / largest, number(value))),
    element('p', {className: 'hint'}, `flatness ${sound.flatness.toExponential(1)}, crest factor `
      + `${number(sound.crest_factor)}, loudest near ${Math.round(sound.loudest_hz)} Hz`)];
}

function strongestNotes(unit, play) {
  return [element('h3', {}, 'Strongest real notes'), ...unit.notes.map((row, i) => element(
    'button', {className: 'line note', disabled: !MAP.has_sound[row], onclick: () => play(row)},
    swatch(MAP.colours[MAP.class_index[row]]), element('span', {className: 'name'}, MAP.notes[row]),
    element('span', {className: 'count'}, number(unit.answers[i]))))];
}
