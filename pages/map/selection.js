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
    byId('list-example').textContent = `${MAP.split}_samples.txt`;
    byId('save-list').onclick = () => this.save('txt', 'text/plain', listText);
    byId('save-csv').onclick = () => this.save('csv', 'text/csv', csvText);
    byId('save-sfz').onclick = () => this.save('sfz', 'text/plain', sfzText, sfzRemarks);
    byId('save-zip').onclick = () => saveZip(app.store.state.selection, text => app.say(text));
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

  save(ending, type, textOf, remarksOf) {
    const {selection} = this.app.store.state;
    const [name, text] = [`${MAP.split}_selection.${ending}`, textOf(selection)];
    if (text) save(name, type, text);
    this.app.say(remarksOf?.(selection).join(' ') ?? `Saved as ${name}.`);
  }
}
