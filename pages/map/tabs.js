// The tabs on the right.
'use strict';

class Tabs {
  constructor(app) {
    this.store = app.store;
    this.buttons = [...byId('tabs').children];
    for (const button of this.buttons) button.onclick = () => this.store.change({tab: button.id.slice(4)});
    byId('tabs').onkeydown = event => this.walk(event);
    this.store.subscribe(['tab'], ({tab}) => this.show(tab));
  }

  walk(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!step) return;
    const next = this.buttons.at((this.buttons.indexOf(event.target) + step) % this.buttons.length);
    next.focus();
    next.click();
  }

  show(tab) {
    for (const button of this.buttons) {
      const chosen = button.id === `tab-${tab}`;
      button.setAttribute('aria-selected', chosen);
      button.tabIndex = chosen ? 0 : -1;
      byId(button.getAttribute('aria-controls')).hidden = !chosen;
    }
  }
}
