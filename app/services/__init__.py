"""Use cases: one public function, one transaction, one commit; ``by`` says who acts."""
