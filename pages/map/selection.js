// The panel of the selection: what is in it, how to hear it and how to save it.
'use strict';

class SelectionPanel {
  constructor(app) {
    this.app = app;
    this.table = new SelectionTable(app);
    byId('play-through').onclick = () => app.playThrough(this.table.notes);
    byId('stop-playing').onclick = () => app.hush();
    byId('select-none').onclick = () => app.select([]);
    byId('zoom-selection').onclick = () => this.zoom(app.store.state.selection);
    byId('save-as').append(...this.exports());
    app.store.subscribe(['selection'], ({selection}) => this.show(selection));
  }

  show(selection) {
    byId('selection-title').textContent = `${counted(selection.length, 'note')} selected`;
    byId('nothing-selected').hidden = selection.length;
    for (const id of ['play-through', 'stop-playing', 'zoom-selection', 'selection-scroll', 'save-as',
                      'selected-families']) byId(id).hidden = !selection.length;
    this.table.show(selection);
    byId('selected-families').replaceChildren(...this.families(selection));
  }

  families(selection) {
    const counts = new Map();
    for (const note of selection) counts.set(MAP.class_index[note], (counts.get(MAP.class_index[note]) || 0) + 1);
    const largest = Math.max(...counts.values());
    return [...counts].sort((a, b) => b[1] - a[1]).map(
      ([family, count]) => bar(MAP.families[family], count / largest, count.toLocaleString('en'), MAP.colours[family]));
  }

  zoom(selection) {
    if (!selection.length) return this.app.say('Nothing is selected.');
    this.app.stage.frame(selection);
  }

  exports() {
    const stem = `${MAP.split}_selection`;
    const deed = (id, title, about, act) => element('div', {className: 'export'},
      element('button', {id, onclick: () => act(this.app.store.state.selection)}, title), element('span', {}, about));
    const file = (ending, type, text, remarks) => notes => this.save(`${stem}.${ending}`, type, text(notes),
                                                                     remarks?.(notes));
    return [
      deed('save-list', 'List', `note names, like ${MAP.split}_samples.txt`, file('txt', 'text/plain', listText)),
      deed('save-csv', 'CSV', 'a table with all columns', file('csv', 'text/csv', csvText)),
      deed('save-sfz', 'SFZ', 'an instrument that a sampler opens', file('sfz', 'text/plain', sfzText, sfzRemarks)),
      deed('save-zip', 'ZIP', ZIP_ABOUT, notes => saveZip(notes, text => this.app.say(text))),
    ];
  }

  save(name, type, text, remarks) {
    if (text) save(name, type, text);
    if (remarks) this.app.say(remarks.join(' '));
  }
}
