"""What people read: pages of HTML and the plots on them.

What belongs here: turning finished figures and verdicts into one self-contained file each, that
opens offline and fetches nothing. What does not: computing any of it (the methods and
`burnish.workflows`), nor the pages of the review desk (`burnish.review`).
"""
