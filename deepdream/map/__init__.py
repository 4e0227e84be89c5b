"""The sound map and the neuron atlas: what they show, their pictures and their pages."""
