// The confusion matrix: a cell leads to its notes.
'use strict';

class ConfusionPanel {
  constructor(app) {
    this.app = app;
    if (!MAP.labelled) {
      byId('tab-confusion').remove();
      byId('panel-confusion').remove();
    } else if (MAP.predicted) {
      this.build(MAP.labels.length);
      app.store.subscribe(['selection'], ({selection}) => this.mark(selection));
    }
  }

  build(size) {
    this.cells = Array.from({length: size * size}, () => []);
    for (let note = 0; note < MAP.n_notes; note++) {
      this.cells[MAP.class_index[note] * size + MAP.predicted[note]].push(note);
    }
    this.buttons = MAP.labels.flatMap((_, row) => this.row(this.cells.slice(row * size, (row + 1) * size), row));
    this.buttons[0].tabIndex = 0;
    const rows = MAP.labels.map((label, row) => element('tr', {}, element('th', {scope: 'row'}, label),
      ...this.buttons.slice(row * size, (row + 1) * size).map(button => element('td', {}, button))));
    const head = element('tr', {}, element('td'), ...MAP.labels.map(
      label => element('th', {scope: 'col'}, element('span', {}, label))));
    const table = element('table', {className: 'confusion', 'aria-label': 'Confusion matrix'},
                          element('thead', {}, head), element('tbody', {}, ...rows));
    table.onkeydown = event => this.walk(event, size);
    const right = MAP.labels.reduce((sum, _, i) => sum + this.cells[i * size + i].length, 0);
    const share = percent(right / MAP.n_notes);
    byId('panel-confusion').replaceChildren(
      element('h2', {}, `${right.toLocaleString('en')} of ${counted(MAP.n_notes, 'note')} right (${share})`),
      element('p', {}, 'Rows: the family. Columns: what the network took it for. A click on a cell selects its notes '
        + 'and plays them one by one.'),
      element('div', {className: 'scroll'}, table),
      element('div', {className: 'row'}, element('button', {onclick: () => this.app.hush()}, '■ Stop'),
              element('button', {onclick: () => this.app.select([])}, 'Select none')));
  }

  // The buttons of a family, whose notes `cells` hold by what they were taken for.
  row(cells, family) {
    const total = cells.reduce((sum, {length}) => sum + length, 0);
    return cells.map((notes, taken) => {
      const title = `${MAP.labels[family]} taken for ${MAP.labels[taken]}: ${counted(notes.length, 'note')}`;
      const button = element('button', {title, tabIndex: -1, className: family === taken ? 'right' : 'mistake',
                                        'aria-label': title}, notes.length || '');
      button.style.setProperty('--share', total ? Math.sqrt(notes.length / total) : 0);
      button.onclick = () => {
        this.app.select(notes);
        this.app.playThrough(notes);
      };
      return button;
    });
  }

  walk(event, size) {
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -size, ArrowDown: size}[event.key];
    const from = this.buttons.indexOf(event.target);
    if (!step || !this.buttons[from + step]) return;
    event.preventDefault();
    this.buttons[from].tabIndex = -1;
    this.buttons[from + step].tabIndex = 0;
    this.buttons[from + step].focus();
  }

  mark(selection) {
    const chosen = this.cells.findIndex(cell => cell.length && String(cell) === String(selection));
    pressOne(this.buttons, button => button === this.buttons[chosen]);
  }
}
