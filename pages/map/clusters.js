// The table of contents: the clusters of the map, named by what they hold. A click leads there.
'use strict';

function buildClustersPanel(app) {
  if (!MAP.clusters.length) return;
  const notesIn = cluster => [...MAP.cluster.keys()].filter(note => MAP.cluster[note] === cluster);
  const goTo = (name, notes) => {
    app.stage.frame(notes);
    app.say(`${name}: ${counted(notes.length, 'note')}`);
  };
  const outside = MAP.cluster.filter(cluster => cluster < 0).length;
  byId('panel-clusters').replaceChildren(
    element('h2', {}, counted(MAP.clusters.length, 'cluster')),
    element('p', {}, 'Each is named by what most of its notes have in common. A click leads there.'),
    ...MAP.clusters.map(({name, size, family}, i) => lineButton(
      {className: 'line cluster', title: 'go there', onclick: () => goTo(name, notesIn(i))},
      MAP.colours[family], name, size.toLocaleString('en'))),
    outside ? element('p', {className: 'hint'}, `Between the clusters: ${counted(outside, 'note')}.`) : '');
}
