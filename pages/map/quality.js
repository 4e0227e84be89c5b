// How good the map is: the figures of tsne.py, and how to read each.
'use strict';

const SPACES = {raw_spectra: 'raw spectra', fc2: 'fc2', pca: 'PCA', tsne_2d: 't-SNE 2-D', tsne_3d: 't-SNE 3-D'};

function fillQualityPanel() {
  if (MAP.labelled) byId('panel-quality').firstElementChild.after(...purities(MAP.quality));
  byId('trustworthiness').after(...figures(MAP.quality.trustworthiness, 3));
  byId('measured').textContent = measured(MAP.quality);
}

function purities(quality) {
  return [element('h3', {}, 'Neighbours of the same family, other instruments'), ...otherInstruments(quality),
          element('h3', {}, 'Neighbours of the same family, all notes'), ...allNotes(quality)];
}

function otherInstruments({purity_other_instruments: purity, purity_other_instruments_k: k,
                           purity_other_instruments_chance: chance, purity_other_instruments_notes: n}) {
  if (!purity) {
    return [element('p', {}, 'This figure is missing. “python tsne.py” measures it where a family has several '
      + 'instruments; an older tsne.py did not measure it.')];
  }
  return [
    element('p', {}, `The figure is the share of the ${k} nearest notes of other instruments that are of a note’s own `
      + 'family. It tells whether the map brings instruments of a family together. 1 means that families never mix.'),
    ...figures(purity, 2), bar('chance', chance, chance.toFixed(2), 'var(--soft)'),
    element('p', {className: 'hint'}, 'Chance is the share when the notes are drawn at random. The figures leave out '
      + `the notes of families of one instrument, and are the mean of ${counted(n, 'note')}.`)];
}

function allNotes({purity, purity_k: k, purity_chance: chance}) {
  if (!purity) return [element('p', {}, 'This figure is missing: no family has several notes.')];
  return [
    element('p', {}, `This is the share among the ${k} nearest of all notes. Notes of one instrument are alike and `
      + 'stand together, so it is high even where the families mix.'),
    ...figures(purity, 2), ...chance === undefined ? [] : [bar('chance', chance, chance.toFixed(2), 'var(--soft)')]];
}

function measured({evaluated_notes: evaluated, explained_variance: kept, perplexity}) {
  const sentences = [`The figures were measured on ${counted(evaluated, 'note')}.`];
  if (kept) sentences.push(`PCA keeps ${percent(kept)} of the variance of fc2.`);
  if (perplexity) sentences.push(`The perplexity of t-SNE is ${perplexity}.`);
  return sentences.join(' ');
}

function figures(values, digits) {
  return Object.entries(values).map(([space, value]) => bar(SPACES[space], value, value.toFixed(digits)));
}
