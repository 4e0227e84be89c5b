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
  panel.append(element('h2', {}, 'How good is this map?'));
  panel.append(
    element('h3', {}, 'Neighbours of the same family'),
    element('p', {}, `The figure is the share of the ${quality.purity_k} nearest notes of each note that are of its `
      + `own family. 1 means that families never mix; notes drawn at random would give ${chance().toFixed(2)} here.`),
    ...figures(quality.purity, 2),
    element('h3', {}, 'Trustworthiness'),
    element('p', {}, 'The figure tells whether notes that stand together on the map are close in fc2 space as well. '
      + '1 means that no false neighbours were brought together; a random map has about 0.5.'),
    ...figures(quality.trustworthiness, 3),
    element('h3', {}, 'How to read the map'),
    element('p', {}, 't-SNE keeps neighbours together. How far apart two clusters stand, how large a cluster is and '
      + 'which way it lies mean nothing by themselves. The nearest notes in a card are measured in fc2 space, not on '
      + 'the map.'),
    element('p', {className: 'hint'}, measured(quality)));
}

function measured({evaluated_notes: evaluated, explained_variance: kept, perplexity}) {
  const sentences = [`The figures were measured on ${counted(evaluated, 'note')}.`];
  if (kept) sentences.push(`PCA keeps ${percent(kept)} of the variance of fc2.`);
  if (perplexity) sentences.push(`The perplexity of t-SNE is ${perplexity}.`);
  return sentences.join(' ');
}

function figures(values, digits) {
  return Object.entries(values).flatMap(([space, value]) => [
    bar(SPACES[space].title, value, value.toFixed(digits)), element('p', {className: 'hint'}, SPACES[space].about)]);
}

function chance() {
  const counts = new Uint32Array(MAP.labels.length);
  for (const family of MAP.class_index.subarray(0, MAP.n_notes)) counts[family]++;
  return counts.reduce((sum, count) => sum + (count / MAP.n_notes) ** 2, 0);
}
