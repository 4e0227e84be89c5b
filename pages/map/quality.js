// How good the map is: the figures of tsne.py, and how to read each.
'use strict';

const SPACES = {
  raw_spectra: {title: 'raw spectra', about: 'These are the spectra themselves, before the network.'},
  fc2: {title: 'fc2', about: 'This is what the network makes of them in its second-to-last layer.'},
  pca: {title: 'PCA', about: 'These are the components of fc2 from which t-SNE starts.'},
  tsne_2d: {title: 't-SNE 2-D', about: 'This is the flat map.'},
  tsne_3d: {title: 't-SNE 3-D', about: 'This is the map in depth.'},
};

function buildQualityPanel() {
  const panel = byId('panel-quality');
  const quality = MAP.quality;
  panel.append(
    element('h2', {}, 'How good is this map?'),
    ...MAP.labelled ? purities(quality) : [],
    element('h3', {}, 'Trustworthiness'),
    element('p', {}, 'The figure tells whether notes that stand together on the map are close in fc2 space as well. '
      + '1 means that no false neighbours were brought together; a random map has about 0.5.'),
    ...figures(quality.trustworthiness, 3),
    element('h3', {}, 'The spaces'),
    element('dl', {className: 'keys'}, ...Object.values(SPACES).flatMap(
      ({title, about}) => [element('dt', {}, title), element('dd', {}, about)])),
    element('h3', {}, 'How to read the map'),
    element('p', {}, 't-SNE keeps neighbours together. How far apart two clusters stand, how large a cluster is and '
      + 'which way it lies mean nothing by themselves. The nearest notes in a card are measured in fc2 space, not on '
      + 'the map.'),
    element('p', {className: 'hint'}, measured(quality)));
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
  return Object.entries(values).map(([space, value]) => bar(SPACES[space].title, value, value.toFixed(digits)));
}
