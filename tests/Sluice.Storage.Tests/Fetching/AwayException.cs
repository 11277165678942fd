using Sluice.Formats;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>What a source says that is away or overloaded for the moment.</summary>
internal sealed class AwayException(TimeSpan mayPassIn) : SluiceException(SluiceError.Source, "away", "not now")
{
    public override TimeSpan? MayPassIn => mayPassIn;
}
