// The table of contents: the clusters of the map, named by what they hold. A click leads there.
'use strict';

class ClustersPanel {
  constructor(app) {
    this.app = app;
    const panel = byId('panel-clusters');
    if (!MAP.clusters.length) {
      panel.append(element('p', {}, 'There are no clusters: too few notes lie close together.'));
      return;
    }
    const outside = MAP.cluster.reduce((sum, one) => sum + (one < 0), 0);
    panel.append(
      element('h2', {}, counted(MAP.clusters.length, 'cluster')),
      element('p', {}, 'Each is named by what most of its notes have in common. A click leads there.'),
      ...MAP.clusters.map((cluster, i) => this.line(cluster, i)),
      outside ? element('p', {className: 'hint'}, `Between the clusters: ${counted(outside, 'note')}.`) : '');
  }

  line({name, size, family}, i) {
    const notes = [...MAP.cluster.keys()].filter(note => MAP.cluster[note] === i);
    return lineButton({className: 'line cluster', title: 'go there', onclick: () => this.goTo(name, notes)},
                      MAP.colours[family], name, size.toLocaleString('en'));
  }

  goTo(name, notes) {
    this.app.stage.frame(notes);
    this.app.say(`${name}: ${counted(notes.length, 'note')}`);
  }
}
