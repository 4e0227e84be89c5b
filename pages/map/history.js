// Undo and redo of what is selected.
'use strict';

const MAX_UNDO = 100;

class SelectionHistory {
  constructor(app) {
    Object.assign(this, {app, past: [], present: null, future: []});
    byId('undo').onclick = () => this.walk(this.past, this.future);
    byId('redo').onclick = () => this.walk(this.future, this.past);
    app.store.subscribe(['selection'], ({selection}) => this.record(selection));
    document.addEventListener('keydown', event => this.key(event));
  }

  record(selection) {
    if (this.present && String(selection) !== String(this.present)) {
      this.past = [...this.past, this.present].slice(-MAX_UNDO);
      this.future = [];
    }
    this.present = selection;
    // Never disabled, which would take the focus from a button that has it.
    byId('undo').setAttribute('aria-disabled', !this.past.length);
    byId('redo').setAttribute('aria-disabled', !this.future.length);
  }

  walk(from, to) {
    if (!from.length) return this.app.say(`There is nothing to ${from === this.past ? 'undo' : 'redo'}.`);
    to.push(this.present);
    this.present = from.pop();
    this.app.select(this.present);
  }

  key(event) {
    const inText = event.target.matches('input[type=search], input[type=number], input[type=text], textarea');
    if (event.key.toLowerCase() !== 'z' || !(event.ctrlKey || event.metaKey) || event.altKey || inText) return;
    event.preventDefault();
    byId(event.shiftKey ? 'redo' : 'undo').click();
  }
}
