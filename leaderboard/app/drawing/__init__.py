"""Pictures on the pages: charts for Altair, and drawings as SVG or HTML text."""
