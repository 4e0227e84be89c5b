// A/B: holds one note as A, and compares it with the note chosen last by ear, by picture and in figures.
'use strict';

const A_MILLISECONDS = 1500;  // how long A is heard before B cuts it off
const N_DIFFERENCES = 3;

class Compare {
  constructor(app) {
    Object.assign(this, {app, a: -1, b: -1});
    byId('compare-a').onclick = () => app.play(this.a);
    byId('compare-b').onclick = () => app.play(this.b);
    byId('compare-play').onclick = () => this.play();
    byId('compare-swap').onclick = () => this.swap();
    byId('compare-end').onclick = () => this.hold(this.a);
    app.store.subscribe(['note'], ({note}) => this.chosen(note));
    app.store.subscribe(['loaded'], () => this.show());
  }

  chosen(note) {
    if (note === this.a || note === this.b || note < 0) return;
    this.b = note;
    this.show();
  }

  // Hold a note as A; the note that is held already is let go.
  hold(note) {
    if (note < 0) return this.app.say('Choose a note first: it becomes A.');
    [this.a, this.b] = note === this.a ? [-1, note] : [note, this.a];
    this.show();
    this.app.say(this.a < 0 ? 'No note is held.' : `A is ${MAP.notes[note]}.`);
  }

  swap() {
    [this.a, this.b] = [this.b, this.a];
    this.show();
  }

  async play() {
    if (this.a < 0 || this.b < 0) return this.app.say('Hold a note as A with the key A, then choose another.');
    const {b, app} = this;
    const turn = app.through = {};
    app.play(this.a);
    await pause(A_MILLISECONDS);
    if (app.through !== turn) return;
    app.through = null;
    app.play(b);
  }

  show() {
    keepingFocus(() => this.fill());
  }

  fill() {
    const {a, b} = this;
    const isPair = a >= 0 && b >= 0;
    byId('compare').hidden = a < 0;
    if (byId('hold')) press(byId('hold'), a === this.app.store.state.note);
    if (a < 0) return;
    this.side('a', a);
    this.side('b', b);
    byId('compare-play').disabled = byId('compare-swap').disabled = !isPair;
    byId('compare-figures').hidden = !isPair;
    if (!isPair) return;
    byId('compare-distance').textContent = MAP.activation ? distanceText(a, b) : 'What differs';
    byId('compare-figures').querySelector('tbody').replaceChildren(...this.differences(a, b));
  }

  side(letter, note) {
    const button = byId(`compare-${letter}`);
    button.disabled = note < 0;
    if (note < 0) return button.replaceChildren(element('span', {}, 'B: choose another note'));
    const canvas = spectrumCanvas();
    button.replaceChildren(canvas, element('span', {}, `${letter.toUpperCase()}: ${MAP.notes[note]}`));
    drawSpectrum(canvas, note).catch(() => {});
  }

  // Rows of a table: the probabilities, then the neurons, that differ most.
  differences(a, b) {
    const rows = (count, valueOf, head, text) => largestFirst(count, i => Math.abs(valueOf(a, i) - valueOf(b, i)))
      .filter(i => valueOf(a, i) !== valueOf(b, i)).slice(0, N_DIFFERENCES).map(i => element(
        'tr', {}, element('th', {scope: 'row'}, head(i)), element('td', {}, text(valueOf(a, i))),
        element('td', {}, text(valueOf(b, i)))));
    return [
      ...rows(MAP.predicted ? MAP.labels.length : 0, probability, family => MAP.labels[family], percent),
      ...rows(MAP.activation ? MAP.neurons : 0, activationOf,
              neuron => neuronButton(this.app.store, neuron, 'neuron'), value => value.toFixed(2))];
  }
}

// Euclidean, as in the lists of nearest notes. As the activations are levels of 1/255 of each neuron's maximum, it is
// off by 0.02 % (median of pairs of the demo's notes; to the nearest note by 0.16 %, at most 16 %).
function distanceInFc2(a, b) {
  const offsets = Array.from({length: MAP.neurons}, (_, neuron) => activationOf(a, neuron) - activationOf(b, neuron));
  return Math.hypot(...offsets);
}

// A distance means something only beside another one.
function distanceText(a, b) {
  const [nearest] = neighboursOf(a);
  return `Euclidean distance in fc2: ${distanceInFc2(a, b).toPrecision(3)}`
    + (nearest === undefined ? '' : `; the note nearest to A: ${distanceInFc2(a, nearest).toPrecision(3)}`);
}
