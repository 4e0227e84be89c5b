// The upper part of the panel on the left: what colours the points.
'use strict';

class ColourPanel {
  constructor(app) {
    this.store = app.store;
    for (const [name, {title, exists}] of Object.entries(COLOURINGS)) {
      if (!MAP.labelled && (name === 'predicted' || name === 'right')) continue;
      byId('colour').append(new Option(title, name, false, false));
      byId('colour').lastChild.disabled = !exists();
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
    byId('neuron-found').replaceChildren(...found.map(neuron => element(
      'button', {onclick: () => this.chooseNeuron(neuron)}, `neuron ${neuron}`)));
  }

  show({colour, neuron}) {
    byId('colour').value = colour;
    byId('neuron-box').hidden = colour !== 'neuron';
    byId('neuron-slider').value = byId('neuron-number').value = neuron;
    byId('neuron-dream').hidden = !ATLAS_PAGE;
    byId('neuron-dream').href = `${ATLAS_PAGE}#unit=fc2_${neuron}`;
    const ends = colour === 'neuron' ? ['0', MAP.maxima?.[neuron].toPrecision(3) ?? ''] : COLOURINGS[colour].ends;
    byId('scale').hidden = !ends;
    byId('scale-hint').replaceChildren(...this.hint(colour, neuron));
    if (!ends) return;
    byId('scale').ariaLabel = `Scale from ${ends[0]} to ${ends[1]}`;
    byId('scale').firstElementChild.style.background = `linear-gradient(to right, ${scale()})`;
    for (const [i, end] of [...byId('scale').lastElementChild.children].entries()) end.textContent = ends[i];
  }

  hint(colour, neuron) {
    const words = {right: ['right', 'wrong'], outside: ['as in the training', 'out of distribution']}[colour];
    if (words) {
      return words.map((word, i) => element('span', {className: 'key'}, swatch(RIGHT_WRONG[i]), word));
    }
    if (colour === 'family' || colour === 'predicted') return [sharedColours(MAP.families, MAP.colours)];
    if (colour === 'source') return [sharedColours(MAP.sources, COLOURINGS.source.colours(), 'sources')];
    if (colour !== 'neuron') return [];
    if (!MAP.activation) return ['The activations are being read …'];
    const levels = MAP.activation.subarray(neuron * MAP.count, (neuron + 1) * MAP.count);
    const active = levels.reduce((sum, level) => sum + (level > 0), 0);
    return [active ? `Active in ${percent(active / MAP.count)} of the notes.` : 'This neuron is never active here.'];
  }
}

// The five neurons whose mean level in a family stands out most from their mean level elsewhere.
function neuronsFor(family) {
  const inside = MAP.class_index.reduce((sum, one) => sum + (one === family), 0);
  const lead = Float64Array.from({length: MAP.neurons}, (_, neuron) => {
    let [sum, rest] = [0, 0];
    for (let i = 0; i < MAP.count; i++) {
      const level = MAP.activation[neuron * MAP.count + i];
      if (MAP.class_index[i] === family) sum += level;
      else rest += level;
    }
    return sum / Math.max(inside, 1) - rest / Math.max(MAP.count - inside, 1);
  });
  return [...lead.keys()].sort((a, b) => lead[b] - lead[a]).slice(0, 5);
}
