"""What the dreams raise: the activation of a unit, all activations of a layer, the likeness to a sound's style."""

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams.activations import CONVOLUTIONAL, leaky_relu_gradient, over_positions, pre_activations

STYLE_LAYERS = CONVOLUTIONAL[:3]
CONTENT_LAYER = 'fc2'
ALIKE = 10.0  # weight of how unlike the keys of an instrument are
STYLE_REACHED = 0.1  # of the style distance at first: from there on the content alone counts
SAME_STYLE = 1e-3  # style distance, relative: what differs by less is the same note, softer or louder


def unit_scales(of_notes):
    """(n_notes, units) -> (units,): the 99th percentile over real notes, of weak units half the units' typical one."""
    strong = np.percentile(of_notes, 99, axis=0)
    return np.maximum(strong, max(np.median(strong), 1e-3)).astype(np.float32)


def unit_value(pre, layer, own):
    """(batch,): what raises the unit of each sound that its row of `own` (batch, units) marks with a 1.

    It is the value before the ReLU, whose gradient is never silent, and for a class its logit together with the
    logit's distance to those of the other classes.
    """
    values = over_positions(pre[layer]) if layer in CONVOLUTIONAL else pre[layer]
    reached = tf.reduce_sum(values * own, axis=1)
    return 2 * reached - tf.reduce_logsumexp(values - 1e9 * own, axis=1) if layer == 'fc3' else reached


def unit_objective(model, layer, of_notes, diversity):
    """Raise units of a layer, in units of their 99th percentile over real notes, `of_notes`: an objective of (spectra,
    the number of each sound's unit (batch,)).

    `diversity` weighs how unlike the sounds of one unit are to be.
    """
    scale = unit_scales(of_notes)

    def objective(spectra, units):
        pre = pre_activations(model, spectra, leaky_relu_gradient)
        same_unit = tf.cast(units[:, tf.newaxis] == units, tf.float32) - tf.eye(units.shape[0])
        value = unit_value(pre, layer, tf.one_hot(units, of_notes.shape[1])) / tf.gather(scale, units)
        return value - diversity * likeness(pre['conv2'], same_unit)

    return objective


def note_objective(model, layer, of_notes):
    """As `unit_objective`, of (spectra, unit numbers (batch,)): which units is said each time."""
    scale = unit_scales(of_notes)

    def objective(spectra, units):
        own = tf.one_hot(units, of_notes.shape[1])
        return unit_value(pre_activations(model, spectra, leaky_relu_gradient), layer, own) / tf.gather(scale, units)

    return objective


def instrument_objective(model, layer, of_notes, content_of_notes):
    """As `note_objective`, of the keys of one instrument: they are to be alike in CONTENT_LAYER, too.

    From each is taken ALIKE times its squared distance to their mean, relative to that of the mean to 0, or to that of
    a typical real note where this is larger: else keys that excite nothing at all would be alike, and a first one that
    excites a little very unlike them, so that none ever did. `content_of_notes` (n_notes, units) is of real notes.
    """
    scale = unit_scales(of_notes)
    typical = np.float32(np.mean(np.sum(content_of_notes ** 2, axis=1)) + 1e-6)

    def objective(spectra, units):
        pre = pre_activations(model, spectra, leaky_relu_gradient)
        value = unit_value(pre, layer, tf.one_hot(units, of_notes.shape[1])) / tf.gather(scale, units)
        content = tf.nn.relu(pre[CONTENT_LAYER])
        mean = tf.reduce_mean(content, axis=0)
        apart = tf.reduce_sum((content - mean) ** 2, axis=1) / tf.maximum(tf.reduce_sum(mean ** 2), typical)
        return value - ALIKE * apart

    return objective


def likeness(pre, pairs):
    """The sum of the cosines between the averages of a sound's activations and its partners', (batch,)."""
    vectors = tf.nn.l2_normalize(over_positions(tf.nn.relu(pre)), axis=1)
    return tf.reduce_sum(vectors @ tf.transpose(vectors) * pairs, axis=1)


def layer_objective(model, layer):
    """Raise all activations of a layer: the logarithm of its activations' mean square (Deep Dream's objective)."""
    def objective(spectra):
        activation = tf.nn.relu(pre_activations(model, spectra, leaky_relu_gradient)[layer])
        return tf.math.log(tf.reduce_mean(activation ** 2, axis=list(range(1, activation.shape.ndims))) + 1e-6)

    return objective


def gram_matrices(pre):
    """{layer: (batch, filters, filters)}: how often two filters are active together, whenever that is.

    Gatys, Ecker, Bethge 2015, "A Neural Algorithm of Artistic Style", equation 3.
    """
    activations = {layer: tf.nn.relu(tf.reshape(pre[layer], (pre[layer].shape[0], -1, pre[layer].shape[-1])))
                   for layer in STYLE_LAYERS}
    return {layer: tf.matmul(one, one, transpose_a=True) / one.shape[1] for layer, one in activations.items()}


def style_distance(grams, wanted):
    """The squared distance of the Gram matrices, relative to those wanted, mean over the layers: (batch,)."""
    apart = [tf.reduce_sum((grams[layer] - wanted[layer]) ** 2, axis=(1, 2))
             / tf.reduce_sum(wanted[layer] ** 2, axis=(1, 2)) for layer in STYLE_LAYERS]
    return tf.add_n(apart) / len(apart)


def style_objective(model, content, style, content_weight):
    """Return (distance, objective), both functions of normalised spectra.

    The objective lowers the style distance to `style`, until it is STYLE_REACHED, and keeps the activations of
    CONTENT_LAYER for `content`; both are (1, 251, 513). The distance is 1 for `content` itself. Raises BadInput where
    the two are alike.
    """
    wanted = gram_matrices(pre_activations(model, style))
    of_content = pre_activations(model, content)
    kept = tf.nn.relu(of_content[CONTENT_LAYER])
    at_first = style_distance(gram_matrices(of_content), wanted)
    if at_first[0] < SAME_STYLE:
        raise BadInput(f'the two sounds have the same style (distance {at_first[0]:.1g}): choose another --style')

    def distance(spectra):
        return style_distance(gram_matrices(pre_activations(model, spectra)), wanted) / at_first

    def objective(spectra):
        pre = pre_activations(model, spectra, leaky_relu_gradient)
        changed = tf.reduce_sum((tf.nn.relu(pre[CONTENT_LAYER]) - kept) ** 2, axis=1) / tf.reduce_sum(kept ** 2, axis=1)
        apart = style_distance(gram_matrices(pre), wanted) / at_first
        return -tf.nn.relu(apart - STYLE_REACHED) - content_weight * changed

    return distance, objective
