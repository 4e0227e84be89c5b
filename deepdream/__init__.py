"""The parts that the stages share: imported, never run. No part imports a stage."""
