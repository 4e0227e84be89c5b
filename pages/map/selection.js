// The panel of the selection: what is in it, how to hear it and how to save it.
'use strict';

class SelectionPanel {
  constructor(app) {
    this.app = app;
    this.table = new SelectionTable(app);
    byId('play-through').onclick = () => app.playThrough(this.table.notes);
    byId('stop-playing').onclick = () => app.hush();
    byId('select-none').onclick = () => app.select([]);
    byId('zoom-selection').onclick = () => app.stage.frame(app.store.state.selection);
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
    const groups = groupBy(selection, note => MAP.class_index[note]).sort(([, a], [, b]) => b.length - a.length);
    return groups.map(([family, {length}]) => bar(
      MAP.families[family], length / groups[0][1].length, length.toLocaleString('en'), MAP.colours[family]));
  }

  exports() {
    const {app} = this;
    const deed = (id, title, about, act) => element('div', {className: 'export'},
      element('button', {id, onclick: () => act(app.store.state.selection)}, title), element('span', {}, about));
    const file = (ending, type, textOf, remarksOf) => notes => {
      const [name, text] = [`${MAP.split}_selection.${ending}`, textOf(notes)];
      if (text) save(name, type, text);
      app.say(remarksOf?.(notes).join(' ') ?? `Saved as ${name}.`);
    };
    return [
      deed('save-list', 'List', `note names, like ${MAP.split}_samples.txt`, file('txt', 'text/plain', listText)),
      deed('save-csv', 'CSV', 'a table with all columns', file('csv', 'text/csv', csvText)),
      deed('save-sfz', 'SFZ', 'an instrument that a sampler opens', file('sfz', 'text/plain', sfzText, sfzRemarks)),
      deed('save-zip', 'ZIP', ZIP_ABOUT, notes => saveZip(notes, text => app.say(text))),
    ];
  }
}
