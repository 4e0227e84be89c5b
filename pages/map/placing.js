// Where a sound of the reader's stands among the notes shown, as deepdream/embedding.py places later sounds.
'use strict';

// The notes nearest to an activation (256,), [{row, distance}, ...], the nearest first.
function nearestNotes({activation}, fc2, count) {
  const found = [];
  for (let row = 0, at = 0; at < activation.length; row++) {
    let square = 0;
    for (let i = 0; i < fc2.length; i++, at++) square += (activation[at] - fc2[i]) ** 2;
    found.push({row, distance: Math.sqrt(square)});
  }
  return found.sort((a, b) => a.distance - b.distance).slice(0, count);
}

// The place in a view of the activation fc2 (256,), whose nearest notes are `nearest`.
function placeInView({principal, placing}, fc2, nearest, view) {
  const places = MAP[view].subarray(0, 3 * MAP.n_notes);
  if (view === 'pca') return onAxes(principal, fc2);
  const around = nearest.slice(0, placing.n_around);
  if (MAP.n_notes < placing.from) return meanPlace(around, places);
  const perplexity = Math.min(placing.perplexity, MAP.n_notes / 10);  // more would draw a copy of a note away from it
  const pulling = nearest.slice(0, Math.floor(3 * perplexity));
  return whereGradientRests(medianPlace(around, places), pulling, sharesOf(pulling, perplexity), places,
                            placing.units[view], placing.iterations);
}

function onAxes({middle, centre, axes}, fc2) {
  return Array.from(centre, (start, axis) => fc2.reduce(
    (sum, one, i) => sum + (one - middle[i]) * axes[i * centre.length + axis], start));
}

// Weighted by 1 / distance^2.
function meanPlace(nearest, places) {
  const weights = nearest.map(({distance}) => 1 / Math.max(distance, 1e-6) ** 2);
  const sum = weights.reduce((a, b) => a + b);
  return [0, 1, 2].map(axis => nearest.reduce(
    (place, {row}, i) => place + weights[i] / sum * places[3 * row + axis], 0));
}

function medianPlace(nearest, places) {
  return [0, 1, 2].map(axis => {
    const sorted = nearest.map(({row}) => places[3 * row + axis]).sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  });
}

// How much each of the nearest notes pulls: a Gaussian of their distances, as wide as the perplexity asks; sum 1.
function sharesOf(nearest, perplexity) {
  const squares = nearest.map(({distance}) => distance ** 2 - nearest[0].distance ** 2);
  let [low, high, beta, shares] = [0, Infinity, 1, []];
  for (let i = 0; i < 200; i++) {
    const powers = squares.map(square => Math.exp(-square * beta));
    const sum = powers.reduce((a, b) => a + b);
    shares = powers.map(power => power / sum);
    const entropy = Math.log(sum) + beta * shares.reduce((total, share, k) => total + share * squares[k], 0);
    if (Math.abs(entropy - Math.log(perplexity)) < 1e-8) break;
    if (entropy > Math.log(perplexity)) low = beta;
    else high = beta;
    beta = high === Infinity ? 2 * beta : (low + high) / 2;
  }
  return shares;
}

// Where one place comes to by t-SNE's gradient, in units of the page; all notes stay. It moves in units of t-SNE, with
// openTSNE's rate, momentum, gains and longest gradient.
function whereGradientRests(start, nearest, shares, places, unit, iterations) {
  const [place, update, gains] = [start.map(one => one * unit), [0, 0, 0], [1, 1, 1]];
  for (let i = 0; i < iterations; i++) {
    const gradient = gradientAt(place, nearest, shares, places, unit);
    const longest = Math.min(1, 0.25 / (Math.hypot(...gradient) + 1e-6));
    for (let axis = 0; axis < 3; axis++) {
      const one = gradient[axis] * longest;
      gains[axis] = Math.sign(update[axis]) === Math.sign(one) ? 0.8 * gains[axis] + 0.01 : gains[axis] + 0.2;
      update[axis] = 0.8 * update[axis] - 0.1 * gains[axis] * one;
      place[axis] += update[axis];
    }
  }
  return place.map(one => one / unit);
}

// The nearest notes pull by their shares, all notes push.
function gradientAt([x, y, z], nearest, shares, places, unit) {
  let [sum, pushX, pushY, pushZ] = [0, 0, 0, 0];
  for (let at = 0; at < places.length; at += 3) {
    const [dx, dy, dz] = [x - places[at] * unit, y - places[at + 1] * unit, z - places[at + 2] * unit];
    const close = 1 / (1 + dx * dx + dy * dy + dz * dz);
    sum += close;
    pushX += close * close * dx;
    pushY += close * close * dy;
    pushZ += close * close * dz;
  }
  const gradient = [-pushX / sum, -pushY / sum, -pushZ / sum];
  for (const [i, {row}] of nearest.entries()) {
    const away = [x, y, z].map((one, axis) => one - places[3 * row + axis] * unit);
    const close = shares[i] / (1 + away.reduce((total, one) => total + one * one, 0));
    for (let axis = 0; axis < 3; axis++) gradient[axis] += close * away[axis];
  }
  return gradient;
}
