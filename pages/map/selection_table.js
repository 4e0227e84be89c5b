// The selected notes as a table: small spectra, to play, to sort and to remove. Rows and pictures are made when the
// reader scrolls to them: 2,000 rows are 22,000 elements, and their pictures come with the previews' sounds.
'use strict';

const ROWS_AT_A_TIME = 60;
const ALPHABET = new Intl.Collator('en', {numeric: true});

// How each column is sorted; an unknown pitch comes last.
const SORTED_BY = {
  name: (a, b) => ALPHABET.compare(MAP.notes[a], MAP.notes[b]),
  family: (a, b) => MAP.class_index[a] - MAP.class_index[b],
  pitch: (a, b) => (MAP.pitch[a] < 0) - (MAP.pitch[b] < 0) || MAP.pitch[a] - MAP.pitch[b],
};

class SelectionTable {
  constructor(app) {
    Object.assign(this, {app, notes: [], rows: new Map(), column: '', descending: false});
    this.body = byId('selected-notes').tBodies[0];
    this.body.onkeydown = event => this.key(event);
    this.observer = new IntersectionObserver(entries => this.seen(entries));
    for (const button of byId('selected-notes').tHead.querySelectorAll('button')) {
      button.onclick = () => this.sort(button.dataset.column);
    }
    app.store.subscribe(['note'], () => this.mark());
  }

  show(notes) {
    this.notes = this.column ? [...notes].sort(SORTED_BY[this.column]) : [...notes];
    if (this.descending) this.notes.reverse();
    const selected = new Set(notes);
    for (const note of this.rows.keys()) if (!selected.has(note)) this.rows.delete(note);
    const n_shown = Math.max(ROWS_AT_A_TIME, this.body.rows.length);
    this.observer.disconnect();
    this.body.replaceChildren();
    this.append(n_shown);
    this.mark();
  }

  append(n_rows) {
    const from = this.body.rows.length;
    const rows = this.notes.slice(from, from + n_rows).map(note => this.row(note));
    this.body.append(...rows);
    for (const row of rows) this.observer.observe(row);
  }

  // From the smallest up, from the largest down, as selected.
  sort(column) {
    const again = column === this.column;
    this.column = again && this.descending ? '' : column;
    this.descending = again && !this.descending;
    for (const head of byId('selected-notes').tHead.querySelectorAll('button')) {
      const sorted = head.dataset.column === this.column;
      head.parentNode.setAttribute('aria-sort', !sorted ? 'none' : this.descending ? 'descending' : 'ascending');
    }
    byId('selected-notes').parentNode.scrollTop = 0;
    this.show(this.app.store.state.selection);
  }

  row(note) {
    if (this.rows.has(note)) return this.rows.get(note);
    const name = MAP.notes[note].split('/').at(-1);  // two lines would not show what comes behind the folders
    const play = element('button', {className: 'play-row', title: `play ${MAP.notes[note]}`,
                                    onclick: () => this.app.choose(note)}, spectrumCanvas(), element('span', {}, name));
    const remove = element('button', {className: 'remove', 'aria-label': `Remove ${MAP.notes[note]}`, title: 'remove',
                                      onclick: () => this.remove(note)}, '×');
    const cells = [play, element('span', {}, swatch(colourOf(note)), familyOf(note)),
                   MAP.pitch[note] < 0 ? '' : pitchName(MAP.pitch[note]), remove];
    const row = element('tr', {note}, ...cells.map(cell => element('td', {}, cell)));
    this.rows.set(note, row);
    return row;
  }

  seen(entries) {
    for (const {isIntersecting, target} of entries) {
      if (!isIntersecting) continue;
      if (!target.drawn) drawSpectrum(target.querySelector('canvas'), target.note).catch(() => {});
      target.drawn = true;
      if (target === this.body.lastElementChild) this.append(ROWS_AT_A_TIME);
    }
  }

  mark() {
    this.marked?.removeAttribute('aria-current');
    this.marked = this.rows.get(this.app.store.state.note);
    this.marked?.setAttribute('aria-current', 'true');
  }

  // The focus goes to the row that takes the place of the removed one.
  remove(note) {
    const row = this.rows.get(note).sectionRowIndex;
    this.app.select(toggled(this.app.store.state.selection, note));
    (this.body.rows[Math.min(row, this.body.rows.length - 1)]?.querySelector('.remove') || byId('undo')).focus();
  }

  key(event) {
    const row = event.target.closest('tr');
    const next = {ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling}[event.key];
    if (event.key === 'Delete') this.remove(row.note);
    if (!next) return;
    event.preventDefault();
    next.querySelector(`.${event.target.className}`).focus();
  }
}
