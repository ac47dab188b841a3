"""Ligand and receptor between cell types, summarised per sample: who could speak to whom, not who does."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from resistance_assets.science.single_cell.counts import CellCounts, log_cp10k


def summarise_pairs(
    senders: CellCounts, sender_type: pl.Series, receivers: CellCounts, pairs: list[tuple[str, str]], *, receiver: str
) -> pl.DataFrame:
    """Mean ligand in each sending type and mean receptor in the receiving cells, per sample.

    Args:
        senders: cells of one species with its genes (of a xenograft: mouse).
        sender_type: cell type of each sender.
        receivers: the receiving cells with their genes (of a xenograft: human).
        pairs: (symbol of the ligand in the senders' species, symbol of the receptor in the receivers').
        receiver: name of the receiving type.

    Returns:
        ligand, receptor, sender, receiver, sample_id, n_sender, n_receiver, ligand_mean and receptor_mean (of
        ln(1 + CP10k)), ligand_fraction, receptor_fraction, product, geometric_mean, ligand_umi_share (the sending
        type's share of the ligand's molecules in that sample). Samples without senders or receivers are left out.
    """
    totals = [np.asarray(study.counts.sum(axis=1)).ravel() for study in (senders, receivers)]
    logs = [log_cp10k(study.counts, total) for study, total in zip((senders, receivers), totals, strict=True)]
    places = [{symbol: at for at, symbol in enumerate(study.features["symbol"])} for study in (senders, receivers)]
    sent = senders.cells["sample_id"].to_numpy()
    received = receivers.cells["sample_id"].to_numpy()
    types = sender_type.to_numpy()
    rows = []
    for ligand, receptor in pairs:
        if ligand not in places[0] or receptor not in places[1]:
            continue
        ligands = np.asarray(logs[0][:, places[0][ligand]].todense()).ravel()
        molecules = np.asarray(senders.counts[:, places[0][ligand]].todense()).ravel()
        receptors = np.asarray(logs[1][:, places[1][receptor]].todense()).ravel()
        for sample in np.unique(np.concatenate([sent, received])):
            there = received == sample
            if not there.any():
                continue
            for name in np.unique(types):
                own = (sent == sample) & (types == name)
                if not own.any():
                    continue
                left, right = float(ligands[own].mean()), float(receptors[there].mean())
                all_molecules = molecules[sent == sample].sum()
                rows.append(
                    {
                        "ligand": ligand,
                        "receptor": receptor,
                        "sender": name,
                        "receiver": receiver,
                        "sample_id": sample,
                        "n_sender": int(own.sum()),
                        "n_receiver": int(there.sum()),
                        "ligand_mean": left,
                        "ligand_fraction": float((ligands[own] > 0).mean()),
                        "receptor_mean": right,
                        "receptor_fraction": float((receptors[there] > 0).mean()),
                        "product": left * right,
                        "geometric_mean": math.sqrt(left * right),
                        "ligand_umi_share": float(molecules[own].sum() / all_molecules) if all_molecules else None,
                    }
                )
    return pl.DataFrame(rows, infer_schema_length=None)
