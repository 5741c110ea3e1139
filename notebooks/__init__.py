"""The runbooks' notebooks: few thin cells, no stored outputs; a package so that the wheel carries them."""
