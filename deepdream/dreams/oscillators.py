"""The waveform of a note's parameters: true oscillators and shaped noise, once for each result."""

import numpy as np

from deepdream.dreams.note_controls import AT_BINS, FINE_HOP, HIGHEST_HZ, WHOLE_WINDOW, window_average
from deepdream.dreams.note_model import swing
from deepdream.dreams.note_parameters import GENERAL
from deepdream.spectrum import HOP_LENGTH, N_FRAMES, N_SAMPLES, SAMPLE_RATE
from deepdream.spectrum_tf import istft

FRAME_OF_SAMPLE = np.arange(N_SAMPLES) / HOP_LENGTH
ONSET_SAMPLES = 32  # 2 ms: no note starts with a step


def waveforms(model, z, hz, limits=GENERAL):
    """Return the notes (n, 64000) of parameters z (n, n_parameters), at the level of their parameters."""
    controls = {name: value.numpy() for name, value in model.controls(z, hz, limits).items()}
    noise = noise_waveforms(model, controls)
    return np.stack([partials(model.phase, {name: value[i] for name, value in controls.items()}) + noise[i]
                     for i in range(len(z))]).astype(np.float32)


def partials(phase, control):
    """Return the sum (64000,) of a note's partials, whose phases at the onset are (K,), in periods."""
    waveform, frame = np.zeros(N_SAMPLES), FRAME_OF_SAMPLE
    for k in np.flatnonzero(control['hz'] < HIGHEST_HZ):
        log_amplitude = np.interp(frame, np.arange(N_FRAMES), control['partials'][:, k])
        waveform += np.exp(log_amplitude) * np.cos(2 * np.pi * cycles_of(control, k, phase[k]))
    return waveform * envelope_of(control)


def cycles_of(control, k, phase=0.0):
    """The phase (64000,) of a note's partial in periods, `phase` at the onset."""
    seconds = (FRAME_OF_SAMPLE + control['vibrato'] * swing(FRAME_OF_SAMPLE)) * (HOP_LENGTH / SAMPLE_RATE)
    cycles = phase + control['hz'][k] * seconds
    if 'turns' in control:  # of a note that was analysed
        cycles += np.interp(FRAME_OF_SAMPLE, np.arange(N_FRAMES), control['turns'][:, k])
    return cycles


def envelope_of(control):
    """The envelope of a note, (64000,)."""
    return np.interp(np.arange(N_SAMPLES) / FINE_HOP, np.arange(len(control['envelope'])), control['envelope'])


def noise_waveforms(model, controls):
    """Return the noise (n, 64000): the gains of its bands on a short-time spectrum, which is white or a residual's."""
    stft = noise_gains(controls) * (model.noise[0] + 1j * model.noise[1])
    waveform = istft(stft.astype(np.complex64)).numpy()
    waveform[:, :ONSET_SAMPLES] *= np.sin(np.linspace(0, np.pi / 2, ONSET_SAMPLES)) ** 2
    return waveform


def noise_gains(controls):
    """The gain of the noise (..., 251, 513) in each frame and bin, of controls with any axes in front."""
    envelope = (controls['envelope'] @ window_average())[..., np.newaxis] / WHOLE_WINDOW
    return np.exp(controls['noise']) * envelope @ AT_BINS
