// Small helpers to build the panels from elements and text.
'use strict';

function byId(id) {
  return document.getElementById(id);
}

// A new element; text among `children` stays text, whatever it looks like.
function element(tag, properties = {}, ...children) {
  const result = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('aria-') || name === 'role') result.setAttribute(name, value);
    else result[name] = value;
  }
  result.append(...children);
  return result;
}

function swatch(colour) {
  const result = element('span', {className: 'swatch'});
  result.style.background = colour;
  return result;
}

// A line of a list: a swatch, a name, and a figure on the right.
function lineButton(properties, colour, name, figure) {
  return element('button', properties, swatch(colour), element('span', {className: 'name'}, name),
                 element('span', {className: 'count'}, figure));
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function counted(number, word) {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}

// A labelled bar; `share` from 0 to 1.
function bar(label, share, text, colour) {
  const fill = element('span', {className: 'fill'});
  fill.style.width = `${100 * Math.max(0, Math.min(1, share))}%`;
  if (colour) fill.style.background = colour;
  return element('div', {className: 'bar-row'}, element('span', {className: 'bar-label'}, label),
                 element('span', {className: 'track'}, fill), element('span', {className: 'bar-value'}, text));
}

// Do what redraws panels; the focus stays where it was: on the element in the place of the old one, or on the panel.
function keepingFocus(redraw) {
  const focused = document.activeElement;
  const panel = focused?.closest('aside section');
  const alike = () => [...panel.querySelectorAll(focused.tagName)].filter(
    one => one.className === focused.className && !one.disabled);
  const place = panel ? alike().indexOf(focused) : -1;
  redraw();
  if (!panel || focused.isConnected && !focused.disabled && focused.getClientRects().length) return;
  if (panel.hidden) document.querySelector('[role=tabpanel]:not([hidden])').focus();
  else (alike()[place] ?? panel).focus();
}

function press(button, pressed) {
  button.setAttribute('aria-pressed', pressed);
}

// Press one of some buttons, and no other.
function pressOne(buttons, isChosen) {
  for (const button of buttons) press(button, isChosen(button));
}

function pause(milliseconds) {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
