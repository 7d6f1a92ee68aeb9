"""Attachments: names, pictures, PDFs, folder and rows; hostile files made on the spot."""
