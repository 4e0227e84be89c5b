// The panel of the selection: what is in it, how to hear it and how to save it.
'use strict';

class SelectionPanel {
  constructor(app) {
    this.app = app;
    app.store.subscribe(['selection'], ({selection}) => this.show(selection));
  }

  show(selection) {
    const panel = byId('panel-selection');
    if (!selection.length) {
      panel.replaceChildren(element('p', {}, 'Nothing is selected. Draw a lasso or a box around notes in the map, '
        + 'press Enter on a note, or take what the filters leave.'));
      return;
    }
    panel.replaceChildren(
      element('h2', {}, `${counted(selection.length, 'note')} selected`),
      element('div', {className: 'row'},
              element('button', {onclick: () => this.app.playThrough(selection)}, '▶ Play through'),
              element('button', {onclick: () => this.app.hush()}, '■ Stop'),
              element('button', {onclick: () => this.app.select([])}, 'Clear')),
      ...this.families(selection), element('h2', {}, 'Save as'), ...this.exports(selection));
  }

  families(selection) {
    const counts = new Map();
    for (const note of selection) counts.set(MAP.class_index[note], (counts.get(MAP.class_index[note]) || 0) + 1);
    const largest = Math.max(...counts.values());
    return [...counts].sort((a, b) => b[1] - a[1]).map(
      ([family, count]) => bar(MAP.families[family], count / largest, count.toLocaleString('en'), MAP.colours[family]));
  }

  exports(selection) {
    const stem = `${MAP.split}_selection`;
    const button = (id, title, about, name, type, text, remarks) => element('div', {className: 'export'},
      element('button', {id, onclick: () => this.save(name, type, text(selection), remarks?.(selection))}, title),
      element('span', {}, about));
    return [
      button('save-list', 'List', `note names, like ${MAP.split}_samples.txt`, `${stem}.txt`, 'text/plain', listText),
      button('save-csv', 'CSV', 'a table with all columns', `${stem}.csv`, 'text/csv', csvText),
      button('save-sfz', 'SFZ', 'an instrument that a sampler opens', `${stem}.sfz`, 'text/plain', sfzText,
             sfzRemarks),
    ];
  }

  save(name, type, text, remarks) {
    if (text) save(name, type, text);
    if (remarks) this.app.say(remarks.join(' '));
  }
}
