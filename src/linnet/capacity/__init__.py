"""How many machines a number of people needs: measured costs, what people do, and a simulation of the busy hour."""
