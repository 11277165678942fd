using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

public sealed partial class TarReader
{
    private const string SparseMapOfFile = "the sparse map of a file";

    /// <summary>Bytes of extension blocks: they may hold fewer than 21 runs each, but nobody writes them empty.</summary>
    private const long MaxOldSparseMap = 64L << 20;

    /// <summary>Type <c>S</c>: four runs in the header, further ones in blocks of 21 behind it.</summary>
    private long ReadOldSparseMap(in TarHeader header, long stored, out IReadOnlyList<SparseRun> sparseMap)
    {
        long offset = header.Offset;
        long size = header.Number(TarLayout.SparseRealSize);
        if (size is < 0 or > TarLimits.Size) throw TarError.At(offset + TarLayout.SparseRealSize.Offset, $"a sparse file's size is {size} bytes");
        var map = new SparseMapBuilder();
        AddRuns(map, header.Bytes(TarLayout.SparseRuns), offset + TarLayout.SparseRuns.Offset);
        bool extended = header.IsSparseExtended;
        while (extended)
        {
            long blockOffset = _input.Position;
            ReadOnlySpan<byte> block = _input.ReadBlock(SparseMapOfFile);
            AddRuns(map, TarLayout.ExtensionRuns.Of(block), blockOffset);
            extended = block[TarLayout.ExtensionIsExtended] != 0;
            if (_input.Position - offset > MaxOldSparseMap) throw TarError.At(blockOffset, "a sparse map is too long");
        }

        sparseMap = map.Build(size, stored, offset);
        return size;
    }

    /// <summary>An empty field ends the list.</summary>
    private static void AddRuns(SparseMapBuilder map, ReadOnlySpan<byte> runs, long offset)
    {
        for (; !runs.IsEmpty; runs = runs[TarLayout.SparseRunSize..], offset += TarLayout.SparseRunSize)
        {
            ReadOnlySpan<byte> runOffset = runs[..TarLayout.SparseNumberSize];
            ReadOnlySpan<byte> runLength = runs[TarLayout.SparseNumberSize..TarLayout.SparseRunSize];
            if (runLength[0] == 0) return;
            if (!TarNumber.TryParse(runOffset, out long start) || !TarNumber.TryParse(runLength, out long length))
            {
                throw TarError.At(offset, "a sparse map holds something that is no number");
            }

            map.Add(start, length, offset);
        }
    }

    private long ReadPaxSparseMap(long offset, FileName path, ref long stored, out IReadOnlyList<SparseRun> sparseMap)
    {
        SparseRecords records = _overrides.Sparse;
        if (records.Size is not { } size || size > TarLimits.Size) throw TarError.At(offset, $"the sparse file '{path}' has no valid size");
        SparseMapBuilder map = records.MapIsInContent(offset) ? ReadMapInContent(offset, ref stored) : records.TakeMap(offset);
        sparseMap = map.Build(size, stored, offset);
        return size;
    }

    /// <summary>
    /// Sparse format 1.0: decimal numbers, each ended by a newline: how many runs, then offset and length of each; padded to
    /// whole blocks, and part of the stored size.
    /// </summary>
    private SparseMapBuilder ReadMapInContent(long offset, ref long stored)
    {
        var map = new SparseMapBuilder();
        long numbersLeft = 1;
        bool countKnown = false;
        long number = 0;
        int digits = 0;
        long? runOffset = null;
        while (numbersLeft > 0)
        {
            long blockOffset = _input.Position;
            if (stored < TarLayout.BlockSize) throw TarError.At(blockOffset, "a sparse map is longer than its file's content");
            stored -= TarLayout.BlockSize;
            ReadOnlySpan<byte> block = _input.ReadBlock(SparseMapOfFile);
            for (int i = 0; i < block.Length && numbersLeft > 0; i++)
            {
                int digit = block[i] - '0';
                if ((uint)digit <= 9)
                {
                    if (++digits > 18) throw TarError.At(blockOffset + i, "a number of a sparse map is too large");
                    number = number * 10 + digit;
                    continue;
                }

                if (block[i] != (byte)'\n' || digits == 0) throw TarError.At(blockOffset + i, "a sparse map is malformed");
                numbersLeft--;
                if (!countKnown)
                {
                    if (number > TarLimits.SparseRuns) throw TarError.At(offset, $"a sparse map has more than {TarLimits.SparseRuns} runs");
                    countKnown = true;
                    numbersLeft = 2 * number;
                }
                else if (runOffset is { } start)
                {
                    map.Add(start, number, blockOffset + i);
                    runOffset = null;
                }
                else
                {
                    runOffset = number;
                }

                number = 0;
                digits = 0;
            }
        }

        return map;
    }
}
