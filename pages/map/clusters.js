// The table of contents: the clusters of the map, named by what they hold. A click leads there.
'use strict';

const CLUSTER_SHARE = 0.7;  // of the window that a cluster fills

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
      element('p', {className: 'hint'}, `${counted(outside, 'note')} between the clusters belong to none.`));
  }

  line({name, size, family}, i) {
    const notes = [...MAP.cluster.keys()].filter(note => MAP.cluster[note] === i);
    return element('button', {className: 'line cluster', title: 'go there', onclick: () => this.goTo(name, notes)},
                   swatch(MAP.colours[family]), element('span', {className: 'name'}, name),
                   element('span', {className: 'count'}, size.toLocaleString('en')));
  }

  goTo(name, notes) {
    const {stage, store} = this.app;
    const pose = poseOf(stage.camera, store.state.view, notes);
    stage.camera.morph(store.state.view, performance.now(), pose);
    store.change({camera: pose});
    stage.request();
    this.app.say(`${name}: ${counted(notes.length, 'note')}`);
  }
}

// The pose in which some notes fill the window, seen from where the camera looks now.
function poseOf(camera, view, notes) {
  if (camera.motion) camera.show(view, camera.motion.toPose);
  const before = camera.pose();
  const {width, height} = camera;
  for (let i = 0; i < 6; i++) {  // in perspective, what comes nearer grows and moves: each step halves the rest
    camera.project();
    const [left, right] = extent(notes.map(note => camera.x[note]));
    const [top, bottom] = extent(notes.map(note => camera.y[note]));
    camera.pan((width - left - right) / 2, (height - top - bottom) / 2);
    camera.zoomAt(CLUSTER_SHARE * Math.min(width / Math.max(right - left, 20), height / Math.max(bottom - top, 20)));
  }
  const pose = camera.pose();
  Object.assign(camera, before);
  return pose;
}
