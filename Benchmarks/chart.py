"""A chart of ratios as SVG: one bar a row, from 1 to the right where we are faster, to the left where we are not."""
import math
from html import escape

ROW, LEFT, WIDTH, RIGHT = 18, 300, 420, 60  # pixels; names are to the left of the bars, numbers to the right
LOW, HIGH = 0.35, 4.5
FASTER, SLOWER = "#2a7f9e", "#d9822b"


def place(ratio):
    share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + WIDTH * share


def text(x, y, words, **style):
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def chart(sections):
    """The SVG of sections of (title, rows of (name, ratio))."""
    height = 30 + sum(ROW * (len(rows) + 2) for _, rows in sections)
    total = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img">',
        "<title>Speed as a multiple of PyTorch's</title>", f'<rect width="{total}" height="{height}" fill="#fff"/>']
    for tick in (0.5, 1, 2, 4):
        x = place(tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height - 6}" stroke="{"#666" if tick == 1 else "#ddd"}"/>')
        parts.append(text(x, 15, f"{tick:g}", text_anchor="middle", fill="#666"))
    y = 30
    for title, rows in sections:
        parts.append(text(8, y + ROW, title, font_weight="bold"))
        y += ROW * 1.5
        for name, ratio in rows:
            start, end = sorted((place(1), place(ratio)))
            parts.append(text(LEFT - 10, y + 12.5, name, text_anchor="end"))
            parts.append(
                f'<rect x="{start:.1f}" y="{y + 3}" width="{end - start:.1f}" height="{ROW - 6}" rx="2" '
                f'fill="{FASTER if ratio >= 1 else SLOWER}"/>')
            parts.append(text(max(end, place(1)) + 6, y + 12.5, f"{ratio:.2f}"))
            y += ROW
        y += ROW / 2
    return "\n".join(parts + ["</svg>", ""])
