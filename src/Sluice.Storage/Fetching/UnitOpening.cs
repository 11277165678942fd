using Sluice.Formats;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Fetching;

/// <summary>
/// One unit of an answer on its way into the cache: decoded, verified, stored. Touches nothing that it shares with other units of the same
/// answer, so that these may be opened at the same time.
/// </summary>
/// <param name="compressed">The answer; the unit's bytes start at <paramref name="from"/>.</param>
/// <param name="decoded">Where its content goes, from <paramref name="position"/> on.</param>
internal sealed class UnitOpening(SourceFetch fetch, Fetcher fetcher, int unit, byte[] compressed, int from, byte[] decoded, int position)
{
    private readonly FetchUnit _extent = fetch.Owner.Format.GetUnit(unit);

    public int Unit => unit;

    /// <summary>What is wrong with it, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>The verified chunks: number, and where they are in the decoded bytes.</summary>
    public List<(int Number, int Offset, int Length)> Chunks { get; } = [];

    public void Run()
    {
        IBlobFormat format = fetch.Owner.Format;
        Span<byte> content = decoded.AsSpan(position, _extent.DecodedLength);
        try
        {
            if (format.Decode(unit, compressed.AsSpan(from, _extent.CompressedLength), content)) Keep(format, content);
            else Fault = "does not decode";
        }
        catch (SluiceException e)
        {
            Fault = $"does not decode: {e.Message}";
        }
    }

    private void Keep(IBlobFormat format, ReadOnlySpan<byte> content)
    {
        for (int index = 0; index < _extent.MemberCount; index++)
        {
            UnitMember member = format.GetMember(unit, index);
            ChunkExtent chunk = format.GetExtent(member.Slot);
            if (fetch.Has(chunk.Number)) continue;
            if (member.DecodedOffset < 0 || member.DecodedOffset > _extent.DecodedLength - chunk.Length)
            {
                Fault = $"chunk {chunk.Number} lies outside of its unit";
                return;
            }

            ReadOnlySpan<byte> bytes = content.Slice(member.DecodedOffset, chunk.Length);
            if (!format.Verify(member.Slot, bytes))
            {
                Fault = $"chunk {chunk.Number} has the wrong digest";
                continue;
            }

            fetcher.Counters.Decoded(chunk.Length);
            fetch.Owner.Store(member.Slot, bytes);
            Chunks.Add((chunk.Number, position + member.DecodedOffset, chunk.Length));
        }
    }
}
