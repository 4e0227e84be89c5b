// The upper part of the panel on the left: what colours the points.
'use strict';

class ColourPanel {
  constructor(app) {
    this.store = app.store;
    for (const [name, {title, exists}] of Object.entries(COLOURINGS)) {
      byId('colour').append(element('option', {value: name, disabled: !exists}, title));
    }
    byId('colour').onchange = event => this.store.change({colour: event.target.value});
    for (const id of ['neuron-slider', 'neuron-number']) {
      byId(id).max = MAP.neurons - 1;
      byId(id).oninput = event => this.chooseNeuron(event.target.valueAsNumber);
    }
    byId('neuron-family').append(new Option('a family …', ''), ...MAP.labels.map((label, i) => new Option(label, i)));
    byId('neuron-family').onchange = event => this.find(event.target.value);
    this.store.subscribe(['colour', 'neuron', 'theme', 'loaded'], state => this.show(state));
  }

  chooseNeuron(neuron) {
    if (neuron >= 0 && neuron < MAP.neurons) this.store.change({colour: 'neuron', neuron: Math.floor(neuron)});
  }

  find(family) {
    const found = family === '' || !MAP.activation ? [] : neuronsFor(Number(family));
    byId('neuron-found').replaceChildren(...found.map(neuron => neuronButton(this.store, neuron)));
  }

  show({colour, neuron}) {
    const {ends, hint = () => []} = COLOURINGS[colour];
    byId('colour').value = colour;
    byId('neuron-box').hidden = colour !== 'neuron';
    byId('neuron-slider').value = byId('neuron-number').value = neuron;
    byId('neuron-dream').hidden = !ATLAS_PAGE;
    byId('neuron-dream').href = `${ATLAS_PAGE}#unit=fc2_${neuron}`;
    byId('scale-hint').replaceChildren(...hint(neuron));
    byId('scale').hidden = !ends;
    if (!ends) return;
    const [low, high] = ends(neuron);
    byId('scale').ariaLabel = `Scale from ${low} to ${high}`;
    byId('scale').firstElementChild.style.background = `linear-gradient(to right, ${scale()})`;
    byId('scale').lastElementChild.replaceChildren(element('span', {}, low), element('span', {}, high));
  }
}

function neuronButton(store, neuron, className = '', content = `neuron ${neuron}`) {
  return element('button', {className, title: 'colour the map by this neuron',
                            onclick: () => store.change({colour: 'neuron', neuron})}, content);
}

// The five neurons whose mean level in a family stands out most from their mean level elsewhere.
function neuronsFor(family) {
  const inside = MAP.class_index.reduce((sum, one) => sum + (one === family), 0);
  const lead = Float64Array.from({length: MAP.neurons}, (_, neuron) => {
    let [sum, rest] = [0, 0];
    for (const [note, level] of levelsOf(neuron).entries()) {
      if (MAP.class_index[note] === family) sum += level;
      else rest += level;
    }
    return sum / Math.max(inside, 1) - rest / Math.max(MAP.count - inside, 1);
  });
  return largestFirst(MAP.neurons, neuron => lead[neuron]).slice(0, 5);
}
